"""What the counter is without signal: the files it is made of, and the name of their edition."""

import hashlib
from dataclasses import dataclass

from django.templatetags.static import static

from apps.shops.models import Shop

PAGE = "/comptoir/sans-reseau/"
# Kept from the first visit: the page without signal, and what the pages with signal load too.
FIRST = (
    *("css/base.css", "css/card.css", "css/counter.css", "icon.svg"),
    *("fonts/fraunces-560.woff2", "fonts/instrument-400.woff2", "fonts/instrument-600.woff2"),
    *("js/page.js", "js/say.js", "js/counter.js", "js/counter-store.js", "js/counter-queue.js"),
    *("js/counter-signal.js", "js/counter-shell.js", "js/counter-waiting.js", "vendor/htmx.min.js"),
)
# Kept once the scanner has been opened, or the counter installed, or « Sans réseau » looked at: a
# megabyte that not everybody needs.
SCANNER = (
    "js/counter-scanner.js",
    *("vendor/zxing/reader/index.js", "vendor/zxing/share.js", "vendor/zxing/zxing_reader.wasm"),
)


@dataclass(frozen=True, slots=True)
class Edition:
    """``first`` is fetched when the worker is installed, ``later`` when it is first wanted, or
    when the phone means to be without signal."""

    name: str
    first: list[str]
    later: list[str]


def edition(shop: Shop, page: bytes) -> Edition:
    """``page`` is the page without signal: another text is another edition."""
    first = [PAGE, shop.theme_url, *map(static, FIRST)]
    later = [*map(static, SCANNER)]
    said = "\n".join([*first, *later]).encode() + page
    return Edition(hashlib.sha256(said).hexdigest()[:16], first, later)
