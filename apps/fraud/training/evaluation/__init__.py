"""Measures a registered model on other transactions, by the code that serves."""
