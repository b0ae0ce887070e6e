"""What the browser tests do with a page: sign in, look, listen for errors, ask axe."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import BrowserContext, Page

from apps.accounts.models import User
from apps.core.tenancy import in_schema
from apps.shops.models import Shop

if TYPE_CHECKING:  # the bench looks too: loaded, the stack's databases would be its own
    from tests.e2e.stack import Stack

PATIENCE = 60_000  # milliseconds for what should be there at once: machines are busy
PICTURES = Path(__file__).parents[2] / ".data" / "pictures"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# htmx says of a request that another replaced, or whose page was left, that it was aborted.
_LEFT = re.compile(r"htmx:(sendAbort|afterRequest)\b")


@dataclass(frozen=True)
class View:
    """How somebody looks at the page."""

    name: str
    width: int
    height: int
    dark: bool = False
    javascript: bool = True
    language: str = "fr-FR"

    @property
    def is_phone(self) -> bool:
        return self.width < 600


PHONE, DESK = View("phone", 390, 844), View("desk", 1440, 900)
PHONE_DARK, DESK_DARK = View("phone-dark", 390, 844, True), View("desk-dark", 1440, 900, True)


def views(*wanted: View) -> pytest.MarkDecorator:
    """``@views(PHONE, DESK)``: the test runs once for each."""
    return pytest.mark.parametrize("view", wanted, ids=lambda view: view.name)


@dataclass
class Listener:
    """Everything that went wrong on a test's pages; the test fails unless it was expected."""

    heard: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """From now on, lines that match ``pattern`` are part of the story (a 422, say)."""
        self.expected.append(pattern)

    def listen(self, context: BrowserContext) -> None:
        context.on("weberror", lambda error: self.heard.append(f"error {error.error}"))
        context.on("console", self._console)
        context.on("response", self._response)
        context.on("requestfailed", self._failed)

    def _console(self, message) -> None:  # type: ignore[no-untyped-def]
        if _LEFT.match(message.text):
            return
        if message.type in {"error", "warning"}:
            self.heard.append(f"console {message.text} {message.location.get('url', '')}")

    def _response(self, response) -> None:  # type: ignore[no-untyped-def]
        if response.status >= 500:
            self.heard.append(f"response {response.status} {response.url}")

    def _failed(self, request) -> None:  # type: ignore[no-untyped-def]
        # A page that is left aborts what it was still loading.
        if request.failure != "net::ERR_ABORTED":
            self.heard.append(f"request {request.failure} {request.url}")

    def unexpected(self) -> list[str]:
        return [line for line in self.heard if not any(re.search(p, line) for p in self.expected)]


def sign_in(page: Page, stack: "Stack", shop: Shop, role: str = "owner", **fields: object) -> User:
    """Somebody with ``role`` in ``shop``, signed in on the shop's host in this browser.

    A shop has one owner: who is it already comes back.
    """
    with in_schema(shop.schema_name):
        owner = shop.memberships.filter(role="owner").first() if role == "owner" else None
        user = owner.user if owner else stack.member(shop, role, **fields)
    enter(page, stack, shop, user)
    return user


def enter(page: Page, stack: "Stack", shop: Shop, user: User) -> None:
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": stack.session_cookie(shop, user),
        "url": stack.url(shop),
        "httpOnly": True,
        "sameSite": "Lax",
    }
    page.context.add_cookies([cookie])  # type: ignore[list-item]


def look(page: Page, name: str) -> Path:
    """A picture of the page as it is now, in ``.data/pictures``."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    return path


def axe(page: Page) -> None:
    """No violation of any level, by axe-core."""
    violations = Axe().run(page).response["violations"]
    told = [
        f"{violation['impact']} {violation['id']}: {violation['help']}\n    "
        + "\n    ".join(node["html"][:160] for node in violation["nodes"][:5])
        for violation in violations
    ]
    assert not told, f"{page.url}\n  " + "\n  ".join(told)


def fits(page: Page) -> None:
    """Nothing sticks out sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"


def focused(page: Page) -> dict[str, Any]:
    """What the keyboard stands on: whether it is in sight, and whether that shows."""
    return page.evaluate(
        """() => {
          const it = document.activeElement, style = getComputedStyle(it);
          const box = it.getBoundingClientRect();
          return {
            tag: it.tagName, name: it.name || it.getAttribute("href") || it.textContent.trim(),
            seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
            ring: style.outlineStyle !== "none" || style.boxShadow !== "none",
          };
        }"""
    )


def tab_through(page: Page, most: int = 60) -> list[str]:
    """Names of what Tab reaches until it comes round; each must be seen and ringed."""
    names: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        on = focused(page)
        if on["tag"] == "BODY" or (names and on["name"] == names[0]):
            break
        assert on["seen"], f"{on} takes the focus unseen"
        assert on["ring"], f"{on} has no visible focus"
        names.append(on["name"])
    return names
