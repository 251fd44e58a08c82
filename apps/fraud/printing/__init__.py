"""A case on paper: PDF by typst, and XML that is checked against `case.xsd` before it leaves."""
