"""The numerical core: free of Django, Celery, the host and every app."""
