"""The public face: one file per operation, and how an implementation is chosen and registered."""
