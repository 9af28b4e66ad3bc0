"""The command line: ``notify-grpc``. One module per group of commands, imported when it is asked for."""
