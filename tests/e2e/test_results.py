"""What a drop gave, read by its owner."""

import pytest

from apps.campaigns.models import Click, Drop
from apps.core.tenancy import in_schema
from apps.core.tokens import short
from apps.loyalty.models import Card
from apps.messaging.models import Message
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.shops import full_shop
from tests.e2e.stack import wait_for


@views(PHONE, PHONE_DARK, DESK, DESK_DARK)
@pytest.mark.parametrize("kind", ["hold_out", "offer"])
def test_the_owner_reads_what_a_message_changed(page, stack, view, kind):
    shop = full_shop(stack)
    with in_schema(shop.schema_name):
        drops = Drop.objects.exclude(launched_at=None)
        drop = drops.exclude(offer="").first() if kind == "offer" else drops.get(hold_out=10)
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, f"/gestion/messages/{drop.pk}/"))
    wanted = "Gardés sans message" if kind == "hold_out" else "utilisé"
    assert page.get_by_text(wanted).first.is_visible()
    axe(page)
    fits(page)
    look(page, f"results-{kind}-{view.name}")


@views(PHONE)
def test_who_follows_the_link_of_a_message_finds_the_card_and_is_counted(page, stack, view):
    shop = full_shop(stack)
    with in_schema(shop.schema_name):
        drop = Drop.objects.exclude(launched_at=None).latest("pk")
        written_to = Message.objects.filter(cause=drop.cause).values("contact_id")
        clicked = Click.objects.filter(drop=drop).values("contact_id")
        unread = Card.objects.filter(contact_id__in=written_to).exclude(contact_id__in=clicked)
        card = unread.earliest("pk")
    page.goto(stack.url(shop, "/donnees-personnelles/"))
    page.goto(stack.url(shop, f"/l/{short(drop.pk)}/{card.token}/"))
    page.wait_for_url("**/c/**")
    with in_schema(shop.schema_name):
        theirs = Click.objects.filter(drop=drop, contact=card.contact_id)
        # The page is left before the answer comes: the browser says nothing of it any more.
        assert wait_for(theirs.count, "the click") == 1
    page.go_back()
    assert page.url.endswith("/donnees-personnelles/"), "back does not lead to the card again"
