"""Filters of the app's own pages."""
