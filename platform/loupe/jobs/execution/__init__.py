"""What a worker does with claimed items: compute in threads, store in one transaction."""
