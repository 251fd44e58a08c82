"""Reading transactions: CSV, JSON lines, Parquet and Arrow become the columns of `events`.

`guessing` proposes a `mapping` of a file's columns, `splitting` cuts a file into ranges of rows,
`parsing` reads one range, `checking` lists every bad row of a whole file, `batch` reads the rows of
a synchronous call.
"""
