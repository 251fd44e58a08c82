"""Template filters of the fraud pages."""
