"""Similar defects: the confirmed cases that look most like a place of a result."""
