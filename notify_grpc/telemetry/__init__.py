"""Traces, numbers and logs. Knows OpenTelemetry and the standard library, nothing of notifications."""
