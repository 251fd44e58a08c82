"""The engine's public port: the Open Inference Protocol v2 over TCP, for any of its clients.

Off unless asked for. It takes a token, reaches models alone (no paths, no services, no sandboxes of
the Unix socket's calls), and translates the standard's requests into those of the inner one.
"""
