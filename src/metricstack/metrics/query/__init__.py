"""From definitions to sums: which rows, which states, one query a table."""
