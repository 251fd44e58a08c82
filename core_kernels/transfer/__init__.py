"""Getting data to a device and back: pinned and pooled memory, overlapping copies, chunks."""
