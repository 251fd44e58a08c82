"""Fits the factor, by the host's seam."""
