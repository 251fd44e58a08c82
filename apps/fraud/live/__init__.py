"""The live half of fraud: one writer that knows what came, and what was known when it came."""
