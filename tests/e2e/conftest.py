"""A real Chromium against a real server and a real worker.

``stack`` runs once for all browser tests; in each test the models read and write its
database, committed. ``page`` looks as ``view`` says (a phone unless the test says otherwise)
and fails the test for any console error, CSP violation or 500 that ``listener`` did not expect.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from apps.shops.models import Shop
from tests.e2e import browser as kit
from tests.e2e.stack import Stack, its_database, running

HERE = Path(__file__).parent
NO_CHROMIUM = f"Pas de Chromium sur cette machine ({kit.CHROMIUM}) : tests de navigateur sautés."


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))  # one stack, one process


@pytest.fixture(scope="session")
def _chromium() -> None:
    if Path(kit.CHROMIUM).exists():
        return
    if os.environ.get("COMPTOIR_NEEDS_BROWSER"):
        pytest.fail(NO_CHROMIUM)
    pytest.skip(NO_CHROMIUM)


@pytest.fixture(scope="session")
def _running(_chromium: None) -> Iterator[Stack]:
    with running() as stack:
        yield stack


@pytest.fixture
def stack(_running: Stack, django_db_blocker: Any) -> Iterator[Stack]:
    """The running system; the models of this process stand in its database."""
    with django_db_blocker.unblock(), its_database(_running.port):
        yield _running


@pytest.fixture(scope="session")
def _playwright(_chromium: None) -> Iterator[Playwright]:
    # Playwright's own loop makes Django believe that it runs inside asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=kit.PATIENCE)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(_playwright: Playwright) -> Iterator[Browser]:
    found = _playwright.chromium.launch(executable_path=kit.CHROMIUM, args=kit.ARGUMENTS)
    yield found
    found.close()


@pytest.fixture
def view() -> kit.View:
    return kit.PHONE


@pytest.fixture
def listener() -> kit.Listener:
    return kit.Listener()


@pytest.fixture
def someone(
    browser: Browser, stack: Stack, listener: kit.Listener
) -> Iterator[Callable[[kit.View], Page]]:
    """``someone(PHONE)``: a page in a browser of their own, heard by the test's listener."""
    made: list[BrowserContext] = []

    def open_page(view: kit.View) -> Page:
        context = browser.new_context(
            viewport={"width": view.width, "height": view.height},
            color_scheme="dark" if view.dark else "light",
            java_script_enabled=view.javascript,
            locale=view.language,
            has_touch=view.is_phone,
            reduced_motion="reduce",
        )
        context.set_default_timeout(kit.PATIENCE)
        listener.listen(context)
        made.append(context)
        return context.new_page()

    yield open_page
    for context in made:
        context.close()
    assert not listener.unexpected(), "\n".join(listener.unexpected())


@pytest.fixture
def page(someone: Callable[[kit.View], Page], view: kit.View) -> Page:
    return someone(view)


@pytest.fixture
def cave(stack: Stack) -> Shop:
    """The wine merchant of the base database; shared, so count nothing in it."""
    return stack.shop("cave")
