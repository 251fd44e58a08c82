"""Training in three stages, and the panel that judges the result."""
