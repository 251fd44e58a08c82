"""Measures a registered report model on studies with labels."""
