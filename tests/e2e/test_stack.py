"""The harness itself: the parts run, and what goes wrong on a page is heard."""

import json

from apps.core.tenancy import in_schema
from tests.e2e.browser import DESK, PHONE, sign_in, views
from tests.e2e.stack import wait_for


@views(PHONE, DESK)
def test_an_address_that_is_no_page_says_so_in_french(page, stack, listener, view):
    listener.expect("404")
    answer = page.goto(stack.url("cave", "/rien-ici/"))
    assert answer.status == 404
    assert page.locator("h1").inner_text() == "Page introuvable"
    assert page.viewport_size["width"] == view.width


def test_a_signed_in_browser_is_known_to_the_shop(page, stack, cave, listener):
    listener.expect("404")
    user = sign_in(page, stack, cave, "helper")
    page.goto(stack.url(cave, "/rien-ici/"))
    names = {cookie["name"] for cookie in page.context.cookies(stack.url(cave))}
    assert "sessionid" in names
    assert not page.context.cookies(stack.url("cafe")), "a shop's cookie is its own"
    with in_schema(cave.schema_name):
        assert user.memberships.get().shop == cave


def test_an_inline_script_is_refused_and_heard(page, stack, listener):
    listener.expect("404")
    page.goto(stack.url("cave", "/rien-ici/"))
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))"
    )
    policy = "Content Security Policy"
    wait_for(
        lambda: any(policy in line for line in listener.heard) or page.wait_for_timeout(50),
        "what the browser says of it",
    )
    assert listener.unexpected()
    listener.expect(policy)


def test_every_log_line_is_a_json_object(page, stack, listener):
    listener.expect("404")
    page.goto(stack.url("cave", "/rien-ici/"))
    lines = [json.loads(line) for line in stack.log.read_text().splitlines()]
    assert any(line["event"] == "request" and line["status"] == 404 for line in lines)
    assert all({"at", "level", "logger", "event"} <= line.keys() for line in lines)
