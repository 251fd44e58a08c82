"""Loops over events that carry state, compiled by numba."""
