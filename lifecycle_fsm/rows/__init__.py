"""Files as rows: CSV, JSON lines, JSON and Parquet, each row with its line number."""
