"""Synchronous calls through Django."""


def sync_routes():
    return []
