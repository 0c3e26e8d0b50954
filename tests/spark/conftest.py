"""A session of Spark for the tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.spark.servers import REAL, SAIL, session

HERE = Path(__file__).parent

if not (REAL or SAIL):
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Libraries under Spark warn of each other; and some tests need Spark itself."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.filterwarnings("default"))
        if not REAL and "spark_itself" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason="needs pyspark and Java"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session of either."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with session(tmp_path_factory.mktemp("spark")) as opened:
            yield opened


@pytest.fixture
def spark_itself(spark: Any) -> Any:
    """A session of Spark; tests that need it are skipped on Sail."""
    return spark
