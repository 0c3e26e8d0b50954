"""The page on Spark runs where there is one."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.spark.servers import REAL, SAIL, session

if not (REAL or SAIL):
    pytest.skip("needs a Spark", allow_module_level=True)


def server() -> AbstractContextManager[Any]:
    """A session for the page. Libraries under Spark warn of each other."""
    warnings.simplefilter("ignore")
    return session(Path.cwd())
