"""What leaves Loupe of a report: DICOM SR and SEG, FHIR and PDF; clinical texts that come in.

`rendering` has one function for each. Free of Django: an edition of a report, an identity and a
scan go in, bytes or JSON come out.
"""
