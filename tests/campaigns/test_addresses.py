"""Addresses typed in a text: led through the shop's host, counted by person, nothing else."""

import re
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.campaigns import addresses, freezing, queries, rendering, services
from apps.campaigns.estimate import estimate, imagined, reader_without_links
from apps.campaigns.models import Address, Click, Drop
from apps.campaigns.previews import mail_sample
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.tokens import short
from apps.loyalty.services import add_stamp, card_of
from apps.messaging import letter
from apps.messaging.models import Message
from apps.messaging.outbox import claim
from tests.factories import ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
BROWSER = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1"}
PAGE = "https://www.domaine-perrin.fr/savagnin?annee=2023"
UNTOUCHED = [
    "Appelez le tel:+33353010021 ou le 03 53 01 00 21",
    "mailto:bonjour@cave.exemple.fr",
    "bonjour@www.exemple.fr",
    "https://exemple.fr/{prénom}",
    "Rendez-vous sur www. demain",
    "https://",
    "14,50 € jusqu'au 30.11",
]


def through(text):
    return addresses.through(text, "l/1a", "https://cave.test")


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_is_no_address_of_the_web_stays_as_it_is(text):
    assert through(text) == text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"Ici : {PAGE}.", "Ici : @."),
        (f"({PAGE})", "(@)"),
        (f"{PAGE}, {PAGE} !", "@, @ !"),
        ("www.exemple.fr/a", "@"),
        ("HTTP://Exemple.FR", "@"),
        (f"mailto:a@exemple.fr puis {PAGE}", "mailto:a@exemple.fr puis @"),
    ],
)
def test_an_address_leads_by_the_shop_and_what_stands_around_it_stays(text, rest):
    link = r"https://cave\.test/l/1a/[0-9a-z]{6}/exemple-de-lien-client/"
    assert re.sub(link, "@", through(text)) == rest


@given(st.text(max_size=200))
def test_no_text_breaks_it_and_what_leads_is_kept(text):
    led = through(text)
    keys = set(re.findall(r"/l/1a/([0-9a-z]{6})/exemple-de-lien-client/", led))
    assert keys == set(addresses.typed_in([text]))


def test_a_key_follows_from_the_address_alone():
    assert addresses.key_of(PAGE) == addresses.key_of(PAGE) != addresses.key_of(PAGE + "0")
    assert re.fullmatch(r"[0-9a-z]{6}", addresses.key_of(PAGE))


@pytest.fixture
def drop(shop):
    ProgrammeFactory()
    ContactFactory.create_batch(3, agreeing=True)
    words = {
        "both": True,
        "sms_text": f"Le savagnin : {PAGE} et votre carte {{lien}}",
        "email_subject": "Savagnin",
        "email_text": f"Bonjour,\n\n{PAGE}\n\nou {PAGE} ici.\n\n{{lien}}",
    }
    drop = services.create(TEAM, written=words, now=FRIDAY)
    drop = services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, FRIDAY), FRIDAY)
    freezing.freeze(drop.pk, str(drop.launch_token), FRIDAY)
    return Drop.objects.get(pk=drop.pk)


def _path(drop, person):
    return f"/l/{short(drop.pk)}/{addresses.key_of(PAGE)}/{person.link_token}/"


def test_each_ones_sms_and_mail_lead_by_a_link_of_their_own(drop, shop):
    assert Address.objects.get().url == PAGE
    for message in Message.objects.filter(cause=drop.cause).select_related("contact__card"):
        assert _path(drop, message.contact) in message.body
        assert f"/l/{short(drop.pk)}/{message.contact.card.token}/" in message.body
        assert "domaine-perrin" not in message.body


def test_the_html_is_drawn_once_and_carries_each_ones_own_link(drop, shop):
    people = {person.email: person for person in Contact.objects.all()}
    drawn = letter._drawn.cache_info().misses
    mails = [held.outgoing for held in claim(shop, FRIDAY) if held.outgoing.channel == "email"]
    assert len(mails) == 3
    assert letter._drawn.cache_info().misses <= drawn + 1
    for mail in mails:
        assert mail.html.count(_path(drop, people[mail.to])) == 2
        assert f"/{people[mail.to].card.token}/" in mail.html
        assert "exemple-de-lien" not in mail.html
        assert "Voir la page" in mail.html
        assert "Voir ma carte" in mail.html


def test_what_the_composer_counts_is_what_leaves(drop, shop):
    preview = rendering.text(drop, "sms", imagined(shop), reader_without_links(), shop)
    sent = Message.objects.filter(cause=drop.cause, channel="sms").first()
    assert len(preview) == len(sent.body)
    told = estimate(drop, shop, FRIDAY)
    assert mail_sample(drop, told, shop)["paragraphs"][1][0][0].button == "Voir la page"


def test_the_page_leads_on_and_the_click_is_counted_once_and_by_browsers_alone(drop, visitor):
    person = Contact.objects.first()
    page = visitor.get(_path(drop, person)).content.decode()
    assert f'href="{PAGE}"' in page
    assert "www.domaine-perrin.fr" in page
    assert not Click.objects.exists()
    visitor.post(_path(drop, person), headers={"User-Agent": "Slackbot"})
    assert not Click.objects.exists()
    for _ in range(2):
        assert visitor.post(_path(drop, person), headers=BROWSER).status_code == 204
    click = Click.objects.get()
    assert (click.drop_id, click.contact_id, click.link) == (
        drop.pk,
        person.pk,
        addresses.key_of(PAGE),
    )


def test_no_other_page_is_led_to_and_a_made_up_link_counts_nothing(drop, visitor):
    stranger = ContactFactory()
    assert visitor.get(f"/l/1/zzzzzz/{stranger.link_token}/").status_code == 404
    for path in (_path(drop, stranger), _path(Drop(pk=drop.pk + 7), Contact.objects.first())):
        assert visitor.get(path).status_code == 200
        assert visitor.post(path, headers=BROWSER).status_code == 204
    assert not Click.objects.exists()


def test_the_results_say_which_pages_were_opened_by_how_many(drop, visitor, owner_client):
    one, other, _ = Contact.objects.order_by("pk")
    for person in (one, other):
        visitor.post(_path(drop, person), headers=BROWSER)
    page = owner_client.get(f"/gestion/messages/{drop.pk}/").content.decode()
    assert "domaine-perrin.fr/savagnin?annee=2023" in page
    assert "2 personnes" in page


def test_who_was_merged_since_counts_under_the_record_that_lives(drop, visitor):
    ProgrammeFactory._meta.model.objects.first()
    one, other, third = Contact.objects.order_by("pk")
    visitor.post(_path(drop, other), headers=BROWSER)
    visitor.post(_path(drop, one), headers=BROWSER)
    Contact.objects.filter(pk=other.pk).update(merged_into=one)
    newer = ContactFactory()
    Contact.objects.filter(pk=third.pk).update(merged_into=newer)
    add_stamp(card=card_of(newer), token=uuid.uuid4(), by=TEAM, now=FRIDAY, over_cooldown=True)
    effect = queries.effect(drop)
    assert effect.clicked.some == 1
    assert effect.addresses == [("domaine-perrin.fr/savagnin?annee=2023", 1)]
    assert effect.came.one.some == 1
