"""Thorax phantoms: volumes of Hounsfield units with their truth, made on the device that trains."""
