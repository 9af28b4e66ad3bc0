"""The test suite; a regular package, so that no installed distribution can shadow it."""
