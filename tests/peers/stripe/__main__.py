"""The fake as a process: until it is stopped."""

import argparse
import signal
import sys
from pathlib import Path

from tests.peers.stripe.server import FakeStripe, served


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--books", type=Path)
    parser.add_argument("--webhook", default="")
    parser.add_argument("--secret", default="")
    given = parser.parse_args()
    fake = FakeStripe(given.books, given.webhook, given.secret)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    served(fake, given.port).serve_forever(0.1)


if __name__ == "__main__":
    main()
