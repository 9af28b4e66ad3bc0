"""``notify-grpc`` and ``python -m notify_grpc``."""

from notify_grpc.cli.main import main

if __name__ == "__main__":
    main()
