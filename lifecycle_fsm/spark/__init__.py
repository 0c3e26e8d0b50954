"""A lifecycle on Apache Spark: whole logs, late rows, and streams. Needs the extra ``spark``."""

from __future__ import annotations

from lifecycle_fsm.errors import MissingExtra

try:
    import pyspark.sql
except ImportError:  # pragma: no cover - every test needs it
    raise MissingExtra("spark", "pyspark", "running on Spark") from None
del pyspark

from lifecycle_fsm.spark.spark_run import add, run  # noqa: E402 - only where Spark is there
from lifecycle_fsm.spark.spark_stream import stream  # noqa: E402
from lifecycle_fsm.spark.spark_tables import Tables  # noqa: E402

__all__ = ["Tables", "add", "run", "stream"]
