"""The geometry gate: can the images of a series be stacked into a true volume, and how?

Judged by orientation and position vectors, never by the tilt tag, slice location or file order.
"""
