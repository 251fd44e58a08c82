"""One file per operation whose CPU path has to be fast: numba or torch."""
