"""The clinical store: what names a patient lies here, encrypted, and nowhere else.

`keys` (which keys there are), `sealing` (the form of an encrypted file), `store` (files by name),
`installed` (this installation's store, keyed hashes and pseudonyms), `identity` (who a study is
about, seen with a permission of its own and audited), `erasing`. Only the last three know Django.
"""
