"""``python -m tests.bench.provisioning 30``: so many new shops, and the seconds that each took."""

import os
import sys
import time
import uuid

import django


def main(count: int) -> None:
    django.setup()

    from django.db import connections

    from apps.shops.services import provision

    for _ in range(count):
        slug = f"flotte-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        began = time.monotonic()
        provision(name="Cave de la flotte", slug=slug)
        print(f"{time.monotonic() - began:.4f}", flush=True)
        connections.close_all()  # a request's end


if __name__ == "__main__":
    main(int(sys.argv[1]))
