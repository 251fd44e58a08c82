"""Ours against the field's own, in one run: `python -m core_kernels.benchmarks [OPERATION …]`.

One file per operation with a function ``cases(device)``; `harness` proves the answers right,
measures every side and prints wins and losses alike.
"""
