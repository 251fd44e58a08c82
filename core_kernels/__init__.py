"""Fused operations that every app shares, with one face for every device.

`dispatch` is what to import: each operation by its name. `modules` wraps some of them for networks.
Importing this package imports nothing. How to add an operation: docs/kernels.md.
"""
