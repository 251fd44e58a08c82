"""What rules did and what thresholds would do on stored transactions; a process of its own.

Result blocks are Parquet: reading and counting them takes libraries and memory that a process
which serves pages does not hold. ``python -m apps.fraud.policy`` is started for one question.
"""
