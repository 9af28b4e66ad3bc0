"""Clients of examples/stubs, made from generated stubs, against the real program."""
