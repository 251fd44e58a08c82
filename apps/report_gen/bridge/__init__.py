"""The bridge to reality: nodules with the measures of real ones, put into real chest CT.

For training on somebody's own scans and for measuring what a model finds in them.
"""
