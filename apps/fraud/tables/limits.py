"""How much of a file is believed and read. Sizes are in bytes."""

MOST_COLUMNS = 2_000
LONGEST_LINE = 2**20
"""Of a record of a text file; a longer one is no transaction."""
RANGE_BYTES = 16 * 2**20
"""Of a text file in one range, however few rows that is."""
SCAN_BYTES = 2**30
SCAN_RANGES = 5_000
"""What one call of `splitting.split` looks at; the next call goes on behind it."""
MOST_FILE_ROWS = 2_000_000_000
MOST_FOOTER = 64 * 2**20
MOST_CHUNK = 2**30
"""Of the mapped columns of one Parquet row group, unpacked as declared."""
MOST_UNPACKING = 200
"""Declared size over stored size of what is more than `SUSPECT_BYTES`; more is a bomb."""
SUSPECT_BYTES = 256 * 2**20
MOST_BATCH = 512 * 2**20
"""Of one Arrow record batch, unpacked."""
MOST_METADATA = 16 * 2**20
"""Of one Arrow message."""
