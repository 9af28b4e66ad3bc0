"""How instances wake each other. Lossy: the store is the truth."""
