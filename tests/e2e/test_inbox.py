"""An owner reads what customers answered and writes back, in a browser."""

import re

from playwright.sync_api import expect

from apps.core.tenancy import in_schema
from apps.messaging.models import Message
from tests.e2e.browser import DESK, PHONE_DARK, look, sign_in, views
from tests.e2e.shops import empty_shop, full_shop


@views(PHONE_DARK, DESK)
def test_an_answer_is_read_and_answered(page, stack, view):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/messages/"))
    look(page, f"inbox-messages-{view.name}")
    page.get_by_role("link", name=re.compile("^Réponses")).click()
    look(page, f"inbox-{view.name}")
    page.locator(".thread-name").nth(2).click()
    look(page, f"inbox-conversation-{view.name}")
    words = f"Avec plaisir, à samedi ! ({view.name})"
    page.get_by_label("Votre réponse par").fill(words)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.locator(".talk-lines")).to_contain_text(words)
    look(page, f"inbox-answered-{view.name}")
    with in_schema(shop.schema_name):
        assert Message.objects.get(body=words).kind == "service"


@views(PHONE_DARK, DESK)
def test_an_empty_inbox_teaches(page, stack, view):
    shop = empty_shop(stack)
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, "/gestion/messages/recus/"))
    look(page, f"inbox-empty-{view.name}")
    assert page.get_by_role("heading", name="Les réponses de vos clients").is_visible()
