"""The attendant: items that take minutes, each in a leased child process of its own."""
