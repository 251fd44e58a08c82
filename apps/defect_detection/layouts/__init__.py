"""Datasets in the field's layouts: our own readers, and writers.

The readers take hostile folders and run in a sandbox. `opening.open_dataset` finds the layout.
"""
