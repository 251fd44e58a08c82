"""A report on paper: PDF by typst, with a picture of each focal finding."""
