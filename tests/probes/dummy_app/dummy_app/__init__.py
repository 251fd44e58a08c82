"""A probe that uses every extension point of the contract: JSON numbers in, a verdict out."""
