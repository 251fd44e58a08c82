"""Bundles: one de-identified study as one file, the form in which the host keeps studies.

A zip of stored entries. The first is ``mimetype`` with `MEDIA_TYPE`, as OCF has it (ISO/IEC
21320-1 and EPUB's Open Container Format); then ``.study.json``, a `Manifest`; then the images.
"""
