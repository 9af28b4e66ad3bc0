"""Claims deliveries and sends them."""
