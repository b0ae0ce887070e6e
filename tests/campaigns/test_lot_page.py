"""The page behind the link of a message: nobody reserves by opening it, everybody by one tap."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.campaigns import bookings, lots
from apps.campaigns.links import lot_link, short
from apps.campaigns.lot_models import Booking, Lot
from apps.campaigns.models import Click
from apps.contacts.models import Contact
from apps.core.tenancy import in_schema
from apps.core.tokens import new_token
from apps.messaging.models import Message
from tests.campaigns.selling import TEAM, a_draft, a_lot, bottle, launched, take
from tests.campaigns.test_links import BROWSER, SCANNERS
from tests.conftest import ShopClient
from tests.factories import ContactFactory

State = Booking.State


@pytest.fixture
def now(shop):
    return timezone.now()


@pytest.fixture
def lot(now):
    return a_lot(4, now, words="Un gamay de coteau.\nFruit noir, poivre.\nÀ boire frais.")


@pytest.fixture
def reader(lot):
    return Contact.objects.get(messages__cause=lot.drop.cause)


def path(lot, person=None):
    return f"/r/{short(lot.drop_id)}/" + (f"{person.link_token}/" if person else "")


def tap(client, lot, person, **told):
    told = {"token": uuid4(), "act": "take", "units": 2, **told}
    return client.post(path(lot, person), told)


def page(client, lot, person=None, **more):
    answer = client.get(path(lot, person), **more)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_link_in_the_message_opens_the_reader_s_page(shop, lot, reader, visitor):
    assert lot_link(shop, lot.drop_id, reader.link_token).removeprefix("https://") in (
        Message.objects.get(cause=lot.drop.cause).body
    )
    told = page(visitor, lot, reader)
    for words in ("Morgon", "Un gamay de coteau.", "14,90", "Il en reste 4", reader.first_name):
        assert words in told
    assert "dangereux pour la santé" in told


def test_opening_it_promises_nothing(lot, reader, visitor):
    for _ in range(3):
        visitor.get(path(lot, reader), headers=BROWSER)
        visitor.head(path(lot, reader))
    assert not Booking.objects.exists()
    assert not Click.objects.exists()


def test_one_tap_reserves_and_the_page_says_so(lot, reader, visitor):
    answer = tap(visitor, lot, reader)
    assert (answer.status_code, answer["Location"]) == (302, path(lot, reader))
    told = page(visitor, lot, reader)
    assert "C’est réservé" in told
    assert "29,80" in told
    mine = Booking.objects.get()
    assert (mine.contact, mine.units, mine.state) == (reader, 2, State.HELD)


def test_a_double_tap_reserves_once(lot, reader, visitor):
    token = uuid4()
    for _ in range(2):
        tap(visitor, lot, reader, token=token)
    assert Lot.objects.get().taken == 2


def test_the_number_is_changed_and_the_share_given_back(lot, reader, visitor):
    tap(visitor, lot, reader)
    tap(visitor, lot, reader, units=3)
    assert Lot.objects.get().taken == 3
    tap(visitor, lot, reader, act="back")
    assert Lot.objects.get().taken == 0
    assert "J’en prends" in page(visitor, lot, reader)


def test_too_late_is_said_with_what_is_left(lot, reader, visitor, now):
    take(lot, ContactFactory(agreeing=True), 3, now=now)
    answer = tap(visitor, lot, reader)
    assert answer.status_code == 409
    assert "Il n’en reste que 1 pour vous" in answer.content.decode()


def test_sold_out_offers_the_line_and_states_its_rule(lot, reader, visitor, now):
    holder = take(lot, ContactFactory(agreeing=True), 4, now=now)
    told = page(visitor, lot, reader)
    assert "Tout est réservé" in told
    assert "24 heures" in told
    tap(visitor, lot, reader, act="wait", units=1)
    assert "Vous êtes le prochain" in page(visitor, lot, reader)
    bookings.cancel(holder, by=TEAM, now=now)
    assert "C’est votre tour" in page(visitor, lot, reader)
    tap(visitor, lot, reader, act="yes")
    assert "C’est réservé" in page(visitor, lot, reader)
    assert Booking.objects.get(contact=reader).answer_by is None


def test_over_says_so(lot, reader, visitor, now):
    lots.close(lot.pk, by=TEAM, now=now)
    assert "C’est terminé" in page(visitor, lot, reader)
    answer = tap(visitor, lot, reader)
    assert answer.status_code == 409


def test_who_never_said_their_age_is_asked_where_it_is_alcohol(lot, visitor):
    someone = ContactFactory()
    assert "18 ans ou plus" in page(visitor, lot, someone)
    assert tap(visitor, lot, someone).status_code == 422
    tap(visitor, lot, someone, adult="1")
    someone.refresh_from_db()
    assert someone.adult_declared_at
    assert Booking.objects.get().contact == someone
    assert "18 ans ou plus" not in page(visitor, lot, someone)


def test_a_link_made_up_opens_nothing_and_is_counted(lot, visitor):
    stranger = f"{path(lot)}{new_token()}/"
    assert visitor.get(stranger).status_code == 404
    assert visitor.post(stranger, {"token": uuid4(), "act": "take"}).status_code == 404
    assert visitor.get("/r/zzzzzz/").status_code == 404
    for _ in range(30):
        visitor.get(stranger)
    assert visitor.get(stranger).status_code == 429


def test_a_draft_has_no_page(visitor, shop):
    lot = a_draft(bottle()).lot
    assert visitor.get(path(lot)).status_code == 404


def test_the_neighbours_link_is_worth_nothing_here(lot, other_shop):
    with in_schema(other_shop.schema_name):
        theirs = ContactFactory(agreeing=True)
    assert (
        ShopClient(other_shop).get(f"/r/{short(lot.drop_id)}/{theirs.link_token}/").status_code
        == 404
    )


def test_somebody_who_looks_is_a_click_and_a_program_is_none(lot, reader, visitor):
    for headers in SCANNERS:
        visitor.post(f"{path(lot, reader)}vu/", headers=headers)
    assert not Click.objects.exists()
    for _ in range(2):
        visitor.post(f"{path(lot, reader)}vu/", headers=BROWSER)
    assert Click.objects.get().link == "lot"


@pytest.mark.parametrize(("asked", "said"), [("en", "I will take"), ("es", "Me quedo")])
def test_it_speaks_the_visitor_s_language(lot, reader, visitor, asked, said):
    told = page(visitor, lot, reader, headers={"accept-language": asked})
    assert said in told


def test_a_promotion_names_its_former_price_crossed_out(shop, visitor, now):
    wine = bottle(12, price=1500)
    lot = launched(a_draft(wine, now, price_cents=1250, says_former=True), now)
    told = page(visitor, lot, ContactFactory(agreeing=True))
    assert re.search(r"<s>15,00", told)


def test_the_page_asks_the_database_little(lot, reader, visitor):
    page(visitor, lot, reader)
    with CaptureQueriesContext(
        connection,
    ) as told:
        page(visitor, lot, reader)
    assert len(told) <= 8, [one["sql"][:90] for one in told]


# --- without a link of one's own ------------------------------------------------------------


def ask(client, lot, **told):
    told = {"key": uuid4(), "first_name": "Solène", "phone": "06 71 42 53 99", "adult": "1", **told}
    return client.post(path(lot), told)


def test_who_has_no_link_gets_one_by_sms_and_reserves_with_it(lot, visitor):
    assert "Recevoir mon lien" in page(visitor, lot)
    answer = ask(visitor, lot)
    assert answer.status_code == 302
    assert "Regardez vos SMS" in visitor.get(answer["Location"]).content.decode()
    new = Contact.objects.get(phone="+33671425399")
    assert (new.first_name, new.sms_consent) == ("Solène", "none")
    told = Message.objects.get(contact=new)
    assert told.kind == "service"
    assert new.link_token in told.body
    tap(visitor, lot, new)
    assert Booking.objects.get().contact == new


def test_nothing_is_held_for_a_number_that_was_typed(lot, visitor):
    ask(visitor, lot)
    assert not Booking.objects.exists()


def test_a_number_the_shop_knows_is_answered_alike_and_left_as_it_was(lot, visitor):
    known = ContactFactory(phone="+33671425399", first_name="", agreeing=True)
    answer = ask(visitor, lot)
    known.refresh_from_db()
    assert answer.status_code == 302
    assert known.first_name == ""
    assert known.link_token in Message.objects.get(contact=known).body


def test_the_same_form_again_sends_nothing_more(lot, visitor):
    key = uuid4()
    for _ in range(2):
        ask(visitor, lot, key=key)
    assert Message.objects.filter(contact__phone="+33671425399").count() == 1


@pytest.mark.parametrize(
    "wrong", [{"phone": "12"}, {"phone": "03 80 22 00 00"}, {"adult": ""}, {"site": "x"}]
)
def test_a_slip_is_said_and_what_was_typed_stays(lot, visitor, wrong):
    answer = ask(visitor, lot, **wrong)
    assert answer.status_code == 422
    assert "Solène" in answer.content.decode()
    assert not Message.objects.filter(cause__startswith="way:").exists()


def test_a_number_is_not_flooded(lot, visitor):
    answers = [ask(visitor, lot) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]


def test_the_day_after_it_is_over_for_everybody(lot, visitor, now):
    Lot.objects.update(until=timezone.localdate(now) - timedelta(days=1))
    assert "C’est terminé" in page(visitor, lot)
