"""What every call goes through, outermost first: logging, metrics, errors, authentication."""
