"""The detector as one pipeline on a GPU: frames in, boxes out, one copy each way."""
