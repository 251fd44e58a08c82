"""Commands that `manage.py` runs for CT to report."""
