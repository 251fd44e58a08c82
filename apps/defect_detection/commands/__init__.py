"""What `manage.py <name> defect_detection` runs."""
