"""The typed Python client of the REST interface."""
