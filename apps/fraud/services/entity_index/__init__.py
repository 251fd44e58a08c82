"""The entity index: what every identifier leads to, kept a moment behind the answers.

A block's own transaction writes one note of its entities (`notes`), whatever it holds. Notes of
many blocks are merged (`merging`) and added to the tables (`writing`) a little at a time by
workers, or by whoever is about to read them (`keeping_up`). One payment in a block of its own
would change a dozen pages of the database's trees, and a thousand payments some ten thousand;
merged, a page is written once for all of them.
"""
