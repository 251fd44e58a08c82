"""The graph part measured on plain attributed graphs, as public benchmarks come."""
