"""What travels over the API, as pydantic models. The server and `loupe.client` share them, so
nothing here imports Django."""
