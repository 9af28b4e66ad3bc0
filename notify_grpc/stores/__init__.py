"""Drivers of the durable store: one package each, named by NOTIFY_STORE_DRIVER."""
