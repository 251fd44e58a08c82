"""One file per operation: its formula in plain fp32 torch, and the only oracle of the others."""
