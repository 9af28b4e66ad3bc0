"""The dashboard and the alerts, held against what a running server exposes."""
