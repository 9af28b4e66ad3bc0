"""How fast it is, as ratios to bare ceilings of the same run: ``python -m benchmarks``."""
