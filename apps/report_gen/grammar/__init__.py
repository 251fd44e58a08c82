"""Reports in English and Chinese written from findings, and read back."""
