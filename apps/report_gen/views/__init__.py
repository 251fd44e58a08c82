"""Pages of the app, one module for each kind of page."""
