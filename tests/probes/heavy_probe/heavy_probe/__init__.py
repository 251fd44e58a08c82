"""A probe of long work: one large file read in chunks, and a signature at the end."""
