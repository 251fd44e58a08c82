"""De-identification: the form of a study that may leave the clinical store.

PS3.15's Basic Application Confidentiality Profile, made stricter: what the table does not name is
kept only where it is known to be harmless. Training sets, exports, logs, traces, thumbnails and
caches see this form and no other.
"""
