"""The scope gate: is it a chest, in Hounsfield units, and how much of the lungs is on it?

Judged by the values, not by what the headers call the body part.
"""
