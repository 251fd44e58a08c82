"""What a reader does with a report, free of Django: drafts, edits, differences, checks."""
