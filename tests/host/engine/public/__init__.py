"""The public port, as a client of the standard sees it."""
