"""Thresholds as objects: a budget of false positives with its certificate, bands, a queue."""
