"""The app's own pages: parts, quality, products with their recipes, stations."""
