"""Measures a factor, by the host's seam."""
