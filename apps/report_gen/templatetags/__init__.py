"""How the pages of reports write findings, places and differences."""
