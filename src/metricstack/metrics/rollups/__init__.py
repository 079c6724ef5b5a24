"""Daily states kept as Parquet, used where they answer exactly."""
