"""A Spark for tests: Sail, a server in a wheel; or Spark itself, where ``pyspark`` and Java are
installed instead."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

INSTALLED = {distribution.name for distribution in distributions()}
#: Whether Spark itself is installed, and not only its client.
REAL = "pyspark" in INSTALLED and shutil.which("java") is not None
SAIL = {"pysail", "pyspark-client"} <= INSTALLED

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
    # The client looks for a Spark that it does not need, and ends the process if there is none.
    os.environ.setdefault("SPARK_HOME", str(folder))
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer(port=0)
    server.start(background=True)
    host, port = server.listening_address
    opened = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    yield opened
    opened.stop()
    server.stop()
