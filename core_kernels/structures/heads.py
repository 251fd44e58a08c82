"""What is fixed about a detector's head and its boxes."""

#: Pixels between classes when boxes of all classes are suppressed in one go, as Ultralytics has it:
#: the shift's rounding is part of the answer.
CLASS_OFFSET = 7680.0
