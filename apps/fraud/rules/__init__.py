"""The language of rules: what people write about a transaction, and nothing that could run away.

A rule is one expression over a scored transaction, such as
``amount >= 500 EUR and attributes.country in ("DE", "FR")``. It is parsed by a grammar of its own,
checked against the project's scheme, and evaluated without Python's `eval`: over the columns of a
block, or over one row with the same answer. There are no loops, no names of Python and no regular
expressions, so the time a rule takes is bounded by its length.

A value may be missing: an empty text, a number that is not finite, a feature that is not there or
has nothing to tell from (`NOTHING`), the result of a division by zero. A comparison with a missing
value is neither true nor false; ``not`` leaves it so, ``and`` is false where one part is false,
``or`` is true where one part is true (S. Kleene's three values). A rule holds only where it is
known to hold.
"""
