"""What every test may use. Fixtures of one package live in that package's conftest."""
