"""External channels: one module per provider, one line each in registry.py."""
