"""A lifecycle on Apache Spark: whole logs, late rows, and streams. Needs the extra ``spark``."""

from lifecycle_fsm.errors import MissingExtra

try:
    import polars
    import pyarrow
    import pyspark.sql
except ImportError as error:
    raise MissingExtra("spark", error.name or "pyspark", "running on Spark") from None
del polars, pyarrow, pyspark

from lifecycle_fsm.spark.spark_run import add, run  # noqa: E402 - only where Spark is
from lifecycle_fsm.spark.spark_stream import stream  # noqa: E402
from lifecycle_fsm.spark.spark_tables import Tables  # noqa: E402

__all__ = ["Tables", "add", "run", "stream"]
