"""A Spark for tests: Sail, a server in a wheel; or Spark itself, where ``pyspark`` and Java are
installed instead."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: Whether Spark itself is installed; ``pyspark-client`` comes without this package.
REAL = find_spec("py4j") is not None and shutil.which("java") is not None
SAIL = find_spec("pysail") is not None and find_spec("pyspark") is not None

#: How Spark is started with two cores, for tests.
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
}


@contextmanager
def session(folder: Path) -> Iterator[Any]:
    """A session that ends with the block; its files are in a folder."""
    from pyspark.sql import SparkSession

    if REAL:
        os.environ["PYSPARK_PYTHON"] = sys.executable
        builder = SparkSession.builder.master("local[2]")
        for name, value in {**SETTINGS, "spark.sql.warehouse.dir": str(folder)}.items():
            builder = builder.config(name, value)
        opened = builder.getOrCreate()
        yield opened
        opened.stop()
        return
    os.environ["SAIL_EXECUTION__CHECKPOINT__PATH"] = f"file://{folder}/checkpoints"
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer(port=0)
    server.start(background=True)
    host, port = server.listening_address
    opened = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    yield opened
    opened.stop()
    server.stop()
