"""Joining from the street: a card at once, and not a word about whom the shop knows."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID, uuid4

import pytest
from django.db import close_old_connections, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from apps.contacts.models import Channel, ConsentEvent, ConsentState, Contact, Opposition, Source
from apps.core.phone import parse_phone
from apps.loyalty import joining as joining_module
from apps.loyalty.joining import AgeUnsaid, TooYoung, Wish, join
from apps.loyalty.models import Card, Joining
from apps.loyalty.services import card_of
from apps.messaging.models import Message, Wake
from tests.factories import ContactFactory, ProgrammeFactory

KNOWN, NEW = "06 12 34 56 78", "06 12 34 56 79"


@pytest.fixture(autouse=True)
def programme(shop):
    return ProgrammeFactory()


def form(**typed):
    start = {"key": str(uuid4()), "first_name": "Camille", "phone": NEW, "adult": "on"}
    return {**start, **typed}


def submit(visitor, **typed):
    return visitor.post("/rejoindre/", form(**typed))


def known_person(**fields):
    known = ContactFactory(first_name="Hélène", phone="+33612345678", email="", **fields)
    card_of(known)
    return known


def what_differs_anyway(html):
    """A page without its tokens, numbers and QR: what is left must be the same for all."""
    html = re.sub(r"<svg [^>]*viewBox.*?</svg>", "QR", html, flags=re.S)
    html = re.sub(r"/(c|v|stop)/[\w-]{22}/", r"/\1/TOKEN/", html)
    html = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "CSRF", html)
    html = re.sub(r'data-left="\d+"', "LEFT", html)
    html = re.sub(r"N° \d+", "N°", html)
    html = re.sub(r' data-live="/vivant/[^"]+" data-version="[\d.]+"', "FOLLOWS", html)
    return re.sub(r"\d\d\u00a0\d\d\u00a0••\u00a0••\u00a0\d\d", "PHONE", html)


def test_a_new_person_has_a_card_at_once(visitor):
    answer = submit(visitor)
    contact = Contact.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/c/{contact.card.token}/"
    assert (contact.phone, contact.source) == ("+33612345679", Source.POSTER)
    page = visitor.get(answer["Location"])
    assert page.status_code == 200
    assert "Bienvenue Camille" in page.content.decode()


def test_an_email_alone_is_enough(visitor):
    submit(visitor, phone="", email="Camille@Exemple.FR")
    assert Contact.objects.get().email == "camille@exemple.fr"
    assert Message.objects.get().channel == Channel.EMAIL


def test_the_shop_does_not_say_whom_it_knows(visitor):
    known = known_person()
    Card.objects.filter(contact=known).update(balance=7)
    fresh, taken = submit(visitor), submit(visitor, phone=KNOWN)
    assert (fresh.status_code, taken.status_code) == (302, 302)
    assert dict(fresh.headers).keys() == dict(taken.headers).keys()
    for path in ("", "donnees/", "renouveler/"):
        pages = [visitor.get(f"{a['Location']}{path}") for a in (fresh, taken)]
        assert pages[0].status_code == pages[1].status_code == 200
        one, other = (what_differs_anyway(page.content.decode()) for page in pages)
        assert one == other
        assert "Hélène" not in other


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        # The way into the shop, the limits; in one transaction who holds the address, the
        # person, the ledger, the joining, the messages' limits, the message, its job, the card.
        ({"accord_sms": "on"}, 12),
        ({"accord_sms": "on", "email": "camille@exemple.fr", "accord_email": "on"}, 15),
    ],
)
def test_a_joining_takes_at_most_fifteen_statements_in_all(visitor, typed, lines):
    known_person()
    for phone in (NEW, KNOWN):  # the shop does not say by the time it takes either
        assert Contact.objects.exists()  # the connection stands in the shop
        with CaptureQueriesContext(connection) as captured:
            assert submit(visitor, phone=phone, **typed).status_code == 302
        verbs = [query["sql"].split()[0] for query in captured.captured_queries]
        assert len(verbs) == lines <= 15
        # A BEGIN and a COMMIT, but for the test's own transaction around them.
        assert verbs[:3] == ["SELECT", "WITH", "SAVEPOINT"]
        assert verbs[-1] == "RELEASE"
        typed = {**typed, "email": typed.get("email", "") and "autre@exemple.fr"}


def test_both_get_the_same_message(visitor):
    known_person()
    submit(visitor)
    submit(visitor, phone=KNOWN)
    bodies = [re.sub(r"/v/[\w-]{22}/", "", m.body) for m in Message.objects.all()]
    assert len(bodies) == 2
    assert len(set(bodies)) == 1
    assert set(Message.objects.values_list("to", flat=True)) == {"+33612345678", "+33612345679"}


def test_a_form_sent_twice_joins_once(visitor):
    typed = form()
    answers = {visitor.post("/rejoindre/", typed)["Location"] for _ in range(3)}
    assert len(answers) == Contact.objects.count() == Message.objects.count() == 1


def test_a_corrected_number_is_another_joining(visitor):
    typed = form(phone=KNOWN)
    first = visitor.post("/rejoindre/", typed)["Location"]
    second = visitor.post("/rejoindre/", {**typed, "phone": NEW})["Location"]
    assert first != second


def test_consent_stays_pending_until_the_holder_answers(visitor):
    submit(visitor, accord_sms="on")
    contact, event = Contact.objects.get(), ConsentEvent.objects.get()
    assert contact.sms_consent == ConsentState.PENDING
    assert (event.channel, event.wording, event.source) == ("sms", "2026-11", Source.POSTER)
    assert not Contact.objects.reachable_by(Channel.SMS).exists()


def test_no_box_is_ticked_beforehand(visitor):
    page = visitor.get("/").content.decode()
    assert page.count('type="checkbox"') == 3
    assert "checked" not in page


def test_a_minor_gets_no_card_where_alcohol_is_sold(visitor, shop):
    born = timezone.localdate().replace(year=timezone.localdate().year - 17, day=1)
    answer = submit(visitor, birth_date=born.isoformat())
    assert answer.status_code == 422
    assert "au moins 18 ans" in answer.content.decode()
    assert not Contact.objects.exists()


def test_age_must_be_said_where_alcohol_is_sold(visitor):
    answer = submit(visitor, adult="")
    assert answer.status_code == 422
    assert "Cochez cette case" in answer.content.decode()
    assert 'value="Camille"' in answer.content.decode()


def test_the_declaration_is_kept_with_its_wording(visitor):
    submit(visitor)
    contact = Contact.objects.get()
    assert contact.adult_wording == "18ans-2026-11"
    assert contact.adult_declared_at is not None


@pytest.mark.parametrize(("years", "refused"), [(18, False), (17, True)])
def test_the_birthday_itself_is_old_enough(shop, years, refused):
    today = timezone.localdate()
    born = date(today.year - years, today.month, min(today.day, 28))
    wish = Wish(key=uuid4(), first_name="Zoé", phone=parse_phone(NEW), birth_date=born)
    if refused:
        with pytest.raises(TooYoung):
            join(wish, shop=shop, client_address="192.0.2.9")
    else:
        assert join(wish, shop=shop, client_address="192.0.2.9").pk


def test_a_shop_without_alcohol_asks_no_age_and_takes_no_child(visitor, shop):
    type(shop).objects.filter(pk=shop.pk).update(sells_alcohol=False)
    page = visitor.get("/").content.decode()
    assert "15 ans ou plus" in page
    assert "18 ans" not in page
    shop.sells_alcohol = False
    wish = Wish(
        key=uuid4(), first_name="Zoé", phone=parse_phone(NEW), birth_date=timezone.localdate()
    )
    with pytest.raises(TooYoung):
        join(wish, shop=shop, client_address="192.0.2.9")


def test_nothing_said_of_age_is_refused_by_the_service_itself(shop):
    with pytest.raises(AgeUnsaid):
        join(
            Wish(key=uuid4(), first_name="Zoé", phone=parse_phone(NEW)),
            shop=shop,
            client_address="",
        )


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"first_name": ""}, "Dites-nous votre prénom."),
        ({"first_name": "www.casino.example"}, "avec des lettres"),
        ({"phone": "12"}, "n’est pas un numéro de téléphone"),
        ({"phone": ""}, "Donnez un numéro de mobile ou un e-mail"),
        ({"phone": "03 80 22 00 00"}, "Ce numéro fixe ne reçoit pas de SMS"),
        ({"email": "camille@"}, "Cet e-mail n’est pas complet"),
        ({"accord_email": "on"}, "Pour recevoir nos nouvelles par e-mail"),
        ({"site": "https://spam.example"}, "Touchez encore une fois"),
    ],
)
def test_a_slip_is_told_beside_the_field_and_nothing_typed_is_lost(visitor, typed, sentence):
    answer = submit(visitor, **typed)
    page = answer.content.decode().replace("\u202f", " ").replace("\u00a0", " ")
    assert answer.status_code == 422
    assert sentence in page
    kept = {"first_name": "Camille", "phone": NEW, **typed}
    assert f'value="{kept["first_name"]}"' in page or not kept["first_name"]
    assert not Contact.objects.exists()


def test_joining_again_and_again_is_refused_for_any_number(visitor, monkeypatch):
    monkeypatch.setattr(
        joining_module, "JOINS_PER_ADDRESS", joining_module.Limit("t:address", 2, 60)
    )
    assert [submit(visitor).status_code for _ in range(3)] == [302, 302, 429]


def test_a_capped_message_changes_nothing_for_the_visitor(visitor):
    answers = [submit(visitor, phone=KNOWN).status_code for _ in range(5)]
    assert answers == [302] * 5
    assert Message.objects.count() == 3


def test_an_address_that_said_stop_is_not_lifted_by_a_box(visitor):
    submit(visitor, accord_sms="on")
    assert not Opposition.objects.exists()
    assert not Contact.objects.reachable_by(Channel.SMS).exists()


def test_overseas_and_abroad_can_join(visitor):
    for number in ("0690 12 34 56", "+44 7400 123456"):
        assert submit(visitor, phone=number).status_code == 302
    assert set(Contact.objects.values_list("phone", flat=True)) == {
        "+590690123456",
        "+447400123456",
    }


@pytest.mark.django_db(transaction=False)
def test_two_taps_in_parallel_join_once(django_db_blocker, shop):
    """Real connections: the rows are committed, and taken away again."""
    schema = shop.schema_name
    wish = Wish(
        key=UUID(int=7), first_name="Parallèle", phone=parse_phone("06 98 00 00 07"), adult=True
    )

    def tap(_):
        close_old_connections()
        connection.set_tenant(shop)
        try:
            return join(wish, shop=shop, client_address="192.0.2.77").pk
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(4) as pool:
        cards = set(pool.map(tap, range(4)))

    def clean(_):
        connection.set_schema(schema)
        try:
            people = Contact.objects.filter(first_name="Parallèle")
            found = people.count()
            Joining.objects.filter(contact__in=people).delete()
            Message.objects.filter(contact__in=people).delete()
            Card.objects.filter(contact__in=people).delete()
            people.delete()
            Wake.objects.all().delete()
            OrmQ.objects.all().delete()  # the job that would send the link
            return found
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(1) as pool:
        assert next(pool.map(clean, [0])) == 1
    assert len(cards) == 1
