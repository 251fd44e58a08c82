"""A probe with live state and a model behind it: purchases in, how unusual they are out."""
