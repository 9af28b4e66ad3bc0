"""The service behind the front proxy, on one machine: ``python -m examples.front``."""
