"""The poster's page as a phone opens it for the first time: what comes over the wire."""

import os
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.bench.big import big_shop
from tests.bench.ground import Ground
from tests.bench.report import Row
from tests.e2e.browser import ARGUMENTS, CHROMIUM, PHONE
from tests.e2e.meter import opened

MOST_KB = 60


def measure(ground: Ground) -> Iterator[Row]:
    what, mark = "first view of the enrolment page", f"≤ {MOST_KB} kB in all"
    if not Path(CHROMIUM).exists():
        yield Row(what, mark, f"not measured: no Chromium at {CHROMIUM}", False)
        return
    shop = big_shop(ground, "cartes", people=1_500, visits=40_000).shop
    # Playwright's own loop makes Django believe that it runs inside asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with ground.serve() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        size = {"width": PHONE.width, "height": PHONE.height}
        page = browser.new_context(viewport=size, locale=PHONE.language).new_page()
        meter = opened(page, f"http://{shop.host}:{server.port}/")
        browser.close()
    parts = {kind: round(size, 1) for kind, size in meter.by_kind().items()}
    told = ", ".join(f"{kind} {size}" for kind, size in sorted(parts.items()))
    total = meter.kilobytes()
    yield Row(what, mark, f"{total:.1f} kB ({told})", total <= MOST_KB, parts)
