"""examples/web in a real Chromium, through a real Envoy, against the real program."""
