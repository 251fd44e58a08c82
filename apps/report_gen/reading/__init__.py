"""From files to a volume: what came in, what it says, whether it can be used, and its values.

`gate(paths)` judges every series; `read_study(paths)` gives the volume of the one that is chosen.
Both live in `apps.report_gen.reading.studies`.
"""
