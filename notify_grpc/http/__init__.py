"""The operators' HTTP port: /healthz, /metrics, and what providers report back."""
