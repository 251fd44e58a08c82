"""What the viewer shows: volumes and masks as NIfTI, slices as PNG, places. Free of Django."""
