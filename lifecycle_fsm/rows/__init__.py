"""Files to rows: CSV, JSON lines, JSON and Parquet, each row with the line where it stands."""
