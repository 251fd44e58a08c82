"""REST of the app, below ``/api/v1/report_gen/``. Every answer carries the notice."""
