"""How instances wake each other. Lossy: the store is the truth. The bus of one process is the core's own."""
