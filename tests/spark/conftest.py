"""A Spark for the tests: Sail, a server in a wheel; or Spark itself, where ``pyspark`` and Java are
installed instead."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

#: Whether Spark itself is installed; ``pyspark-client`` has no such package.
REAL = find_spec("py4j") is not None and shutil.which("java") is not None
SAIL = find_spec("pysail") is not None and find_spec("pyspark") is not None
HERE = Path(__file__).parent

if not (REAL or SAIL):
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Libraries under Spark warn of each other; and some tests need Spark itself."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.filterwarnings("default"))
        item.add_marker(pytest.mark.xdist_group("spark"))
        if not REAL and "spark_itself" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason="needs pyspark and Java"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session of either."""
    folder = tmp_path_factory.mktemp("spark")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession

        if REAL:
            os.environ["PYSPARK_PYTHON"] = sys.executable
            session = (
                SparkSession.builder.master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "2")
                .config("spark.sql.session.timeZone", "UTC")
                .config("spark.sql.warehouse.dir", str(folder))
                .config(
                    "spark.sql.streaming.stateStore.providerClass",
                    "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
                )
                .getOrCreate()
            )
            yield session
            session.stop()
            return
        os.environ["SAIL_EXECUTION__CHECKPOINT__PATH"] = f"file://{folder}/checkpoints"
        from pysail.spark import SparkConnectServer

        server = SparkConnectServer(port=0)
        server.start(background=True)
        host, port = server.listening_address
        session = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
        yield session
        session.stop()
        server.stop()


@pytest.fixture
def spark_itself(spark: Any) -> Any:
    """A session of Spark; tests that need it are skipped on Sail."""
    return spark
