"""Contracts between the core and the world. The docstrings are the contract; domain types only."""
