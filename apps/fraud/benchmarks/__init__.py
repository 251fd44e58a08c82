"""Benchmarks of fraud: `manage.py bench`."""
