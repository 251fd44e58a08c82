"""A DICOM node: takes what is sent, loses nothing, sends results back, fetches earlier studies.

`python -m apps.report_gen.dicom` listens (`listening`, `connections`), writes each object to the
clinical store before it answers (`storing`, `elements`), tells the database in batches
(`registering`), holds a study to be complete when it was quiet (`quiet`), sends back (`outbox`,
`sending`) and asks for earlier studies (`priors`). `peers` says who may.
"""
