"""The wire: two gRPC servers in front of one Notifier."""
