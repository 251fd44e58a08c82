"""Makes embeddings of entities anew for a model that reads them; a program of its own."""
