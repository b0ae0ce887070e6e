"""The Daily Drop in a real browser: written by keyboard alone, launched, watched to its end."""

import re
from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.campaigns.models import Drop, State
from apps.contacts.models import Contact
from apps.contacts.services import tag_named
from apps.core.tenancy import in_schema
from apps.messaging.models import Message
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

WORDS = {
    "sms_text": "{prénom|Bonjour}, 24 morgon viennent d'arriver, 14,50 €. On vous en garde ?",
    "email_subject": "Vient d’arriver chez {boutique}",
    "email_text": "Bonjour {prénom},\n\nVingt-quatre morgon viennent d’arriver.\n\n{lien}",
}
TROUBLE = {"30005": "failed", "stopped": "cancelled", "no_answer": "unknown"}


@pytest.fixture
def cellar(stack):
    """A shop that may write at any hour to twelve who agreed; nine others did not."""
    always = {"quiet_until": time(0), "quiet_from": time.max, "sundays_allowed": True}
    name = f"drop-{uuid4().hex[:6]}"
    shop = stack.open_shop(name, "Cave du Marché", sells_alcohol=True, **always)
    with in_schema(shop.schema_name):
        ProgrammeFactory(goal=10)
        for n in range(12):
            person = ContactFactory(agreeing=True, email=f"c{n}@exemple.fr" if n % 2 else "")
            CardFactory(contact=person, balance=n % 10).contact.tags.add(tag_named("jura"))
        ContactFactory.create_batch(9)
    return shop


def drop_in(state: State, **fields) -> Drop:
    launched = timezone.now() - timedelta(hours=2)
    past = {} if state in {State.DRAFT, State.SCHEDULED} else {"launched_at": launched}
    people = {"promised": {"people": 412, "segments": 496, "emails": 96, "cost_tenths": 34720}}
    return Drop.objects.create(
        **{"title": "Arrivage de morgon", "state": state, **WORDS, **people, **past, **fields}
    )


def told(drop: Drop, **story: str) -> None:
    """The messages of a drop that ran: most arrived, some did not and say why."""
    now = timezone.now()
    for n, person in enumerate(ContactFactory.create_batch(30)):
        reason = list(TROUBLE)[n % 3] if n < 7 else ""
        Message.objects.create(
            contact=person,
            channel="email" if n % 4 == 0 else "sms",
            kind="commercial",
            cause=drop.cause,
            to=person.email if n % 4 == 0 else person.phone,
            body="Bonjour",
            status=TROUBLE.get(reason, "delivered" if n < 26 else "sent"),
            reason=reason,
            segments=1,
            cost_tenths=700,
            sent_at=now,
            done_at=now,
        )


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_every_state_of_a_drop_fits_and_reads(page, stack, cellar, view):
    soon = timezone.now() + timedelta(days=2)
    with in_schema(cellar.schema_name):
        done = drop_in(State.DONE, left_out={"no_consent": 9, "cap": 3}, done_at=timezone.now())
        told(done)
        held = drop_in(State.PAUSED, pause_reason="quota", frozen_at=timezone.now())
        told(held)
        later = drop_in(State.SCHEDULED, send_at=soon, launch_token=uuid4())
        draft = drop_in(State.DRAFT, criteria=JURA)
        lately = soon - timedelta(days=7)
        capped = Contact.objects.tagged("jura").order_by("pk").values("pk")[:3]
        Contact.objects.filter(pk__in=capped).update(last_commercial_at=lately)
        waits = drop_in(State.SENDING, frozen_at=timezone.now(), relevant_until=soon.date())
        told(waits)
        left = Message.objects.filter(cause=waits.cause, status="sent")
        left.update(status="queued", available_at=soon, reason="too_soon", sent_at=None)
    sign_in(page, stack, cellar, "manager")
    screens = {
        "list": "",
        "new": "nouveau/",
        "done": f"{done.pk}/",
        "paused": f"{held.pk}/",
        "waits": f"{waits.pk}/",
        "scheduled": f"{later.pk}/",
        "composer": f"{draft.pk}/",
        "who": f"{draft.pk}/qui/",
        "launch": f"{draft.pk}/envoyer/",
        "sendings": "envois/",
    }
    for name, path in screens.items():
        page.goto(stack.url(cellar, f"/gestion/messages/{path}"))
        page.screenshot(path=look(page, f"drop-{name}-{view.name}"), full_page=True)
        fits(page)
        axe(page)


JURA = {"groups": [{"rules": [{"is": "tags", "how": "any", "names": ["jura"]}]}]}


def tab_to(page, name: str, at_most: int = 40) -> None:
    """Press Tab until the focus stands on what is called ``name``, in sight."""
    for _ in range(at_most):
        page.keyboard.press("Tab")
        # Not « :focus »: the button within a date field has it for itself.
        named, said = page.evaluate("(e => [e.name, e.innerText])(document.activeElement)")
        if named == name or (said and name in said):
            return
    raise AssertionError(f"{at_most} Tab do not lead to {name}")


def test_a_drop_is_written_and_launched_by_keyboard_alone(page, stack, cellar):
    sign_in(page, stack, cellar, "manager")
    page.goto(stack.url(cellar, "/gestion/messages/"))
    tab_to(page, "Écrire le premier")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nouveau Daily Drop").wait_for()
    tab_to(page, "Page blanche")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Daily Drop", exact=True).wait_for()
    tab_to(page, "title")
    tab_to(page, "Composer le choix")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="À qui ?").wait_for()
    tab_to(page, "Étiquettes")
    page.keyboard.press("Enter")
    expect(page.locator("[name=g0r0_how]")).to_be_focused()
    tab_to(page, "g0r0_names")
    page.keyboard.press("Space")
    expect(page.locator("#combien")).to_contain_text("12 clients")
    axe(page)
    tab_to(page, "Choisir ces clients")
    page.keyboard.press("Enter")
    expect(page.locator("#portee")).to_contain_text("12 personnes sur 12")
    expect(page.locator("#criteres")).to_contain_text("étiquetés « jura »")
    tab_to(page, "use_email")
    page.keyboard.press("Space")
    tab_to(page, "{prénom}")
    page.keyboard.press("Enter")
    expect(page.locator("[name=sms_text]")).to_be_focused()
    page.keyboard.type(", 24 morgon sont là.")
    expect(page.locator("#apercu .bubble").first).to_contain_text("24 morgon sont là.")
    expect(page.locator("[name=sms_text]")).to_be_focused()
    axe(page)
    page.keyboard.press("Shift+Tab")
    tab_to(page, "sms_text")
    tab_to(page, "when")
    tab_to(page, "Envoyer à 12 clients")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Envoyer ce message ?").wait_for()
    axe(page)
    tab_to(page, "Envoyer à")
    page.keyboard.press("Enter")
    expect(page.locator("#suivi")).to_contain_text("12 sur 12")
    expect(page.locator("#suivi .chip").first).to_have_text(re.compile("terminé|en cours"))
    axe(page)
    with in_schema(cellar.schema_name):
        drop = Drop.objects.get()
        assert drop.sms_text == "{prénom}, 24 morgon sont là."
        assert drop.criteria == JURA
        assert Message.objects.filter(cause=drop.cause, channel="sms").count() == 12


def test_an_error_in_the_words_is_said_beside_them_and_goes_when_mended(
    page, stack, cellar, listener
):
    listener.expect("422")
    with in_schema(cellar.schema_name):
        draft = drop_in(State.DRAFT, use_email=False)
    sign_in(page, stack, cellar, "manager")
    page.goto(stack.url(cellar, f"/gestion/messages/{draft.pk}/"))
    text = page.get_by_label("Le SMS")
    text.fill("{prenon}, du morgon")
    expect(page.locator("#sms_text-erreur")).to_contain_text("n’est pas une variable")
    expect(page.locator("#enregistre")).to_contain_text("Pas enregistré")
    axe(page)
    text.fill("{prénom}, du morgon")
    expect(page.locator("#sms_text-erreur")).to_be_empty()
    expect(page.locator("#enregistre")).to_contain_text("Enregistré à")
