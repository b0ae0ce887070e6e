"""Messages that leave by themselves, by hand: chosen, filled in, looked back with, switched on,
received, followed."""

from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.campaigns import codes, firing, personal
from apps.campaigns.models import Click, Run, RunState, Send, Trigger
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.jobs import enqueue
from apps.core.tenancy import in_schema
from apps.loyalty.services import add_stamp
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.shops import full_shop
from tests.e2e.stack import wait_for
from tests.factories import CardFactory, ProgrammeFactory


@pytest.fixture
def cellar(stack):
    """A shop that may write at any hour; four were born on this day, one never agreed."""
    always = {"quiet_until": time(0), "quiet_from": time.max, "sundays_allowed": True}
    name = f"auto-{uuid4().hex[:6]}"
    shop = stack.open_shop(name, "Cave du Marché", sells_alcohol=True, **always)
    born = timezone.localdate().replace(year=1980)
    with in_schema(shop.schema_name):
        ProgrammeFactory()
        CardFactory.create_batch(3, contact__agreeing=True, contact__birth_date=born)
        CardFactory(contact__birth_date=born)
    return shop


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_an_owner_sets_a_birthday_message_up_and_it_leaves(page, stack, cellar, view):
    sign_in(page, stack, cellar, "owner")
    page.goto(stack.url(cellar, "/gestion/automatiques/"))
    axe(page)
    fits(page)
    look(page, f"{view.name}-triggers-empty")
    page.get_by_role("button", name="Anniversaire").click()
    expect(page.locator("h1")).to_have_text("Anniversaire")
    page.get_by_role("button", name="Activer").click()
    expect(page.get_by_text("Il reste à remplir")).to_be_visible()
    page.get_by_label("Le SMS").fill("{prénom}, bel anniversaire de {boutique}")
    expect(page.locator("#apercu")).to_contain_text(", bel anniversaire de Cave")
    page.locator("label.pick", has_text="E-mail").click()
    page.locator("#regarder").click()
    expect(page.locator("#retour")).to_contain_text("3 personnes l’auraient reçu")
    axe(page)
    fits(page)
    look(page, f"{view.name}-trigger-look-back")
    page.locator("#enregistrer").click()
    page.get_by_role("button", name="Activer").click()
    expect(page.locator("header").get_by_text("actif", exact=True)).to_be_visible()
    with in_schema(cellar.schema_name):
        Trigger.objects.update(on_since=timezone.now() - timedelta(days=2), next_at=timezone.now())
        firing.run_due()
        assert Run.objects.filter(state=RunState.SENT).count() == 3
    page.reload()
    expect(page.locator("#suivi-auto")).to_contain_text("3partis")
    axe(page)


def _yesterday(cellar, kind) -> None:
    """As if it had been switched on a while ago and its hour had come: the worker does the rest."""
    ago = timezone.now() - timedelta(days=2)
    with in_schema(cellar.schema_name):
        Trigger.objects.filter(kind=kind).update(on_since=ago, next_at=timezone.now())
        enqueue("apps.campaigns.tasks.run_triggers")


@pytest.mark.parametrize(
    "message",
    [
        ("birthday", "Anniversaire", "Bel anniversaire {prénom} : {lien}"),
        ("inactivity", "On ne vous voit plus", "{prénom}, votre carte vous attend : {lien}"),
    ],
)
def test_from_the_owners_click_to_the_customers_mailbox_and_back(page, stack, cellar, message):
    kind, name, words = message
    with in_schema(cellar.schema_name):
        card = CardFactory(contact__agreeing=True, contact__first_name="Zoé")
        born = timezone.localdate().replace(year=1980) if kind == "birthday" else None
        Contact.objects.exclude(pk=card.contact_id).update(birth_date=None)
        Contact.objects.filter(pk=card.contact_id).update(birth_date=born)
        gone = timezone.now() - timedelta(days=61)
        by = Actor("team", 1)
        add_stamp(card=card, token=uuid4(), by=by, now=gone, over_cooldown=True)
    phone = card.contact.phone
    sign_in(page, stack, cellar, "owner")
    page.goto(stack.url(cellar, "/gestion/automatiques/"))
    page.get_by_role("button", name=name).click()
    page.get_by_label("Le SMS").fill(f"{words} https://exemple.fr/fete {{code}}")
    page.locator("label.pick", has_text="E-mail").click()
    page.get_by_label("Ce qu’il donne").fill("Un verre offert")
    expect(page.locator("#apercu")).to_contain_text("EXE-MPL-E22")
    page.locator("#enregistrer").click()
    page.get_by_role("button", name="Activer").click()
    expect(page.locator("header").get_by_text("actif", exact=True)).to_be_visible()
    axe(page)
    fits(page)
    _yesterday(cellar, kind)
    sms = stack.last_posted(phone)
    assert "Zoé" in sms.body
    with in_schema(cellar.schema_name):
        send = Send.objects.get()
        assert codes.send_of(send.code).contact_id == card.contact_id
        assert personal.shown(send.code) in sms.body
    page.goto(sms.link(f"/{card.token}/"))
    page.wait_for_url("**/c/**")
    with in_schema(cellar.schema_name):
        wait_for(lambda: Click.objects.filter(run=send.run_id).exists(), "the click")
    page.goto(stack.url(cellar, "/gestion/automatiques/"))
    page.get_by_role("link", name=name).click()
    expect(page.locator("#suivi-auto")).to_contain_text("a suivi un lien")
    expect(page.locator("#suivi-auto")).to_contain_text("utilisé sur 1")
    axe(page)
    fits(page)
    page.screenshot(path=look(page, f"trigger-results-{kind}"), full_page=True)


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_what_a_trigger_brought_fits_and_reads(page, stack, view):
    shop = full_shop(stack)
    with in_schema(shop.schema_name):
        trigger = Trigger.objects.get(kind="birthday")
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, f"/gestion/automatiques/{trigger.pk}/"))
    expect(page.locator("#suivi-auto")).to_contain_text("suivi un lien")
    axe(page)
    fits(page)
    page.screenshot(path=look(page, f"trigger-full-{view.name}"), full_page=True)
