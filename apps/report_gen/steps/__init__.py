"""The sandbox's step: from a bundle to Hounsfield units. Free of Django."""
