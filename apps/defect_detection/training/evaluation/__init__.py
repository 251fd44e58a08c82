"""Measures an artefact as it serves: figures with intervals, curves, mistakes to look at."""
