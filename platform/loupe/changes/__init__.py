"""The changes feed: everything that happened to a project's work, in the order it committed."""
