"""Training on somebody's own studies: volumes in files, texts and labels in CSV files."""
