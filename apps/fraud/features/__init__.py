"""Features of transactions as of their own moment: the same code in replay and live.

`state.FeatureState` is what others use; `catalogue` says which features a scheme has.
"""
