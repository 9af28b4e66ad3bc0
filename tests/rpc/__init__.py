"""Both servers over real channels, on the memory store."""
