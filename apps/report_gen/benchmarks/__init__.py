"""Benchmarks of CT to report: each is a module with `main(arguments)`."""
