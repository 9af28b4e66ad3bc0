"""The service itself: one Notifier shared by both servers. Knows domain and ports, nothing of wires or databases."""
