"""Turns an Ultralytics checkpoint, which is a pickle, into safetensors and a manifest."""
