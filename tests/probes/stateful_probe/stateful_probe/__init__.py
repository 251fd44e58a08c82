"""A probe with live state: batches of rows in, running sums per account out."""
