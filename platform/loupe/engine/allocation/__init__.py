"""Which device a model is on, what stays in memory, and whose turn it is, by a declared policy.

`policy` is what is declared, `placing` and `shares` decide (pure functions and a ledger without
clock or thread), `allocator` carries it out.
"""
