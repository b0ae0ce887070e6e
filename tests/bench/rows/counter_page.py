"""The counter as a poor phone opens it: Lighthouse's throttled profile, through the browser."""

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.bench.ground import Ground
from tests.bench.people import shops
from tests.bench.report import Row
from tests.e2e.browser import ARGUMENTS, CHROMIUM, PHONE
from tests.e2e.meter import opened

TURNS, MOST_KB, COLD, WARM = 5, 120, 2.0, 1.0
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
SLOWER = 4  # a phone's processor beside a desk's
LARGEST = """() => new Promise((resolve) => {
  const seen = (list) => resolve(list.getEntries().at(-1).startTime / 1000);
  new PerformanceObserver(seen).observe({ type: "largest-contentful-paint", buffered: true });
})"""
USABLE = "() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd / 1000"


def measure(ground: Ground) -> Iterator[Row]:
    what = "the counter page, "
    if not Path(CHROMIUM).exists():
        yield Row(what + "cold", f"≤ {COLD:.0f} s", f"no Chromium at {CHROMIUM}", False)
        return
    (place,) = shops(ground, 1)
    # Playwright's own loop makes Django believe that it runs inside asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with ground.serve() as server, sync_playwright() as playwright:
        url = f"http://{place.shop.host}:{server.port}/comptoir/"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)

        def fresh() -> BrowserContext:
            size = {"width": PHONE.width, "height": PHONE.height}
            context = browser.new_context(viewport=size, locale=PHONE.language)
            pairs = (one.split("=", 1) for one in place.helpers[0].cookie.split("; "))
            context.add_cookies([{"name": n, "value": v, "url": url} for n, v in pairs])
            return context

        total = opened(fresh().new_page(), url).kilobytes()
        times = [_cold_and_warm(fresh(), url) for _turn in range(TURNS)]
        browser.close()
    cold, warm = (median(column) for column in zip(*times, strict=True))
    yield Row(what + "transferred", f"≤ {MOST_KB} kB", f"{total:.1f} kB", total <= MOST_KB)
    yield Row(what + "largest paint, cold", f"≤ {COLD:.0f} s", f"{cold:.2f} s", cold <= COLD)
    yield Row(what + "usable, warm", f"≤ {WARM:.0f} s", f"{warm:.2f} s", warm <= WARM)


def _cold_and_warm(context: BrowserContext, url: str) -> tuple[float, float]:
    """Seconds until the largest paint of a first visit, and until the next one is usable."""
    page = _throttled(context.new_page())
    page.goto(url)
    cold = page.evaluate(LARGEST)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto(url)
    warm = page.evaluate(USABLE)
    context.close()
    return cold, warm


def _throttled(page: Page) -> Page:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page
