"""Credentials, good and hostile."""
