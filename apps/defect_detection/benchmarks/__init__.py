"""Benchmarks of the app: each proves its answers right, then prints both sides' times."""
