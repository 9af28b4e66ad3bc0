"""What is deployed, tested without the engines that run it (docs/adr/0013)."""
