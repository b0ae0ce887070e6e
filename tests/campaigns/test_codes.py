"""Codes: one each, read aloud, used once at the counter whoever tries, given back with a trace."""

import re
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.models import Entry
from apps.campaigns import codes, freezing, personal, services
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Send, Use
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.tenancy import in_schema
from apps.core.tokens import READABLE
from apps.loyalty.services import TokenSpent
from apps.messaging import letter
from apps.messaging.models import Message
from apps.messaging.outbox import claim
from apps.shops.services import shop_here
from tests.factories import ContactFactory

TEAM, HELPER = Actor("team", 1), Actor("team", 7)
FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
WORDS = {"use_email": False, "sms_text": "{prénom}, 5 € offerts : {code}", "offer": "5 € de remise"}
signs = st.text(READABLE, min_size=8, max_size=8)


def _frozen(shop, now=FRIDAY, **written):
    drop = services.create(TEAM, written={**WORDS, **written}, now=now)
    drop = services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, now), now)
    freezing.freeze(drop.pk, str(drop.launch_token), now)
    drop.refresh_from_db()
    return drop


@pytest.fixture
def send(shop):
    """One code, in somebody's hands."""
    ContactFactory(agreeing=True)
    return Send.objects.get(drop=_frozen(shop))


def _redeem(send, token=None, by=HELPER, now=FRIDAY):
    return codes.redeem(code=send.code, token=token or uuid.uuid4(), by=by, now=now)


# --- made ---------------------------------------------------------------------------------


def test_each_person_reads_a_code_of_their_own(shop):
    people = ContactFactory.create_batch(30, agreeing=True)
    drop = _frozen(shop)
    owned = dict(Send.objects.filter(drop=drop).values_list("contact_id", "code"))
    assert owned.keys() == {person.pk for person in people}
    assert len(set(owned.values())) == 30
    for message in Message.objects.filter(cause=drop.cause):
        assert personal.shown(owned[message.contact_id]) in message.body
        assert letter.NO_CODE not in message.body


def test_by_both_channels_a_person_reads_the_same_code(shop):
    ContactFactory.create_batch(2, agreeing=True)
    mail = {"email_subject": "Pour vous : {code}", "email_text": "Bonjour,\n\n{code}\n\n{bon}"}
    drop = _frozen(shop, use_email=True, both=True, **mail)
    assert Message.objects.filter(cause=drop.cause).count() == 4
    for send in Send.objects.filter(drop=drop):
        for message in Message.objects.filter(cause=drop.cause, contact=send.contact_id):
            assert personal.shown(send.code) in message.body
            if message.channel == "email":
                assert personal.shown(send.code) in message.subject
                assert f"/bon/{send.code}/" in message.body


@pytest.mark.parametrize("words", ["{bon}\n\nCode : {code}", "{bon}", "Code : {code}."])
def test_the_mail_that_is_handed_over_carries_each_ones_own_code(shop, words):
    ContactFactory.create_batch(3, agreeing=True)
    mail = {"use_sms": False, "use_email": True, "email_subject": "Pour vous"}
    drop = _frozen(shop, **mail, email_text=f"Bonjour,\n\n{words}")
    owned = dict(Send.objects.filter(drop=drop).values_list("contact_id", "code"))
    reads = dict(Message.objects.filter(cause=drop.cause).values_list("pk", "contact_id"))
    drawn = letter._drawn.cache_info().misses
    for held in claim(shop, FRIDAY):
        code = owned[reads[held.message_id]]
        html = held.outgoing.html
        assert (personal.shown(code) in html) == ("{code}" in words)
        assert (f"/bon/{code}/" in html) == ("{bon}" in words)
        assert ("Voir mon bon" in html) == ("{bon}" in words)
        assert not any(one in html for one in ("EXE-MPL", "EXEMPLE"))
        others = set(owned.values()) - {code}
        assert not any(personal.shown(other) in html for other in others)
    assert letter._drawn.cache_info().misses == drawn + 1  # one drawing for all


def test_a_drop_without_a_code_writes_nothing_beside_its_messages(shop):
    ContactFactory.create_batch(3, agreeing=True)
    _frozen(shop, sms_text="Bonjour", offer="")
    assert not Send.objects.exists()


def test_a_freeze_that_comes_twice_changes_no_code(shop, send):
    freezing.freeze(send.drop_id, str(send.drop.launch_token), FRIDAY)
    assert Send.objects.get().code == send.code


def test_who_draws_a_code_that_somebody_has_draws_again(shop, monkeypatch):
    """With two signs to draw from, four hundred people meet often."""
    few = personal._GIVE.replace("bit(48)::bigint", f"bit(48)::bigint % {31**2}")
    monkeypatch.setattr(personal, "_GIVE", few.replace(f"% {31**2}", f"%% {31**2}"))
    ContactFactory.create_batch(400, agreeing=True)
    drop = _frozen(shop)
    assert Send.objects.filter(drop=drop).values("code").distinct().count() == 400


def test_what_the_database_draws_is_read_by_python(shop):
    ContactFactory.create_batch(50, agreeing=True)
    _frozen(shop)
    drawn = list(Send.objects.values_list("code", flat=True))
    assert [codes.read(personal.shown(code)) for code in drawn] == drawn
    assert len({code[0] for code in drawn}) > 8  # of 31, fifty times
    assert not set("".join(drawn)) & set("01IOL")


@given(drawn=signs, place=st.integers(0, 8), other=st.sampled_from(READABLE))
def test_one_sign_misheard_is_never_another_code(drawn, place, other):
    code = drawn + personal.check_sign(drawn)
    heard = code[:place] + other + code[place + 1 :]
    if heard == code:
        assert codes.read(heard.lower()) == code
    else:
        with pytest.raises(codes.CodeMistyped):
            codes.read(heard)


@given(drawn=signs, one=st.integers(0, 8), two=st.integers(0, 8))
def test_two_signs_exchanged_are_never_another_code(drawn, one, two):
    code = list(drawn + personal.check_sign(drawn))
    heard = code.copy()
    heard[one], heard[two] = heard[two], heard[one]
    if heard != code:
        with pytest.raises(codes.CodeMistyped):
            codes.read("".join(heard))


def test_nobodys_code_is_no_code():
    assert len(letter.NO_CODE) == len(personal.shown("K7QM3XTPA"))
    with pytest.raises(codes.CodeMistyped):
        codes.read(letter.NO_CODE)


# --- before it leaves ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "refusal"),
    [
        ({"offer": ""}, services.CodeWithoutOffer),
        ({"sms_text": "Bonjour"}, services.OfferWithoutCode),
        ({"use_email": True, "email_subject": "A", "email_text": "B"}, services.OfferWithoutCode),
        ({"offer_until": date(2026, 11, 19)}, services.OfferOver),
    ],
)
def test_a_code_that_would_be_worth_nothing_does_not_leave(shop, written, refusal):
    drop = services.create(TEAM, written={**WORDS, **written}, now=FRIDAY)
    with pytest.raises(refusal) as caught:
        services.ready(drop, FRIDAY)
    assert "%" not in str(caught.value)


def test_a_copy_keeps_what_the_code_gives_and_not_its_last_day(shop):
    written = {**WORDS, "offer_until": date(2026, 11, 30)}
    copy = services.duplicate(services.create(TEAM, written=written, now=FRIDAY), TEAM)
    assert (copy.offer, copy.offer_until) == ("5 € de remise", None)


# --- used ---------------------------------------------------------------------------------


def test_a_code_is_used_once_and_says_when(send):
    use = _redeem(send).use
    with pytest.raises(codes.CodeSpent) as caught:
        _redeem(send, now=FRIDAY + timedelta(hours=1))
    assert str(caught.value) == "Ce code a déjà servi, le 20 novembre 2026 à 11:00."
    assert Use.objects.get() == use
    trail = Entry.objects.get(verb="code.redeem")
    assert (trail.object_id, trail.actor_id) == (send.pk, 7)


def test_the_same_gesture_sent_twice_uses_once(send):
    token = uuid.uuid4()
    first, second = _redeem(send, token), _redeem(send, token)
    assert (first.repeated, second.repeated) == (False, True)
    assert first.use == second.use


def test_a_gesture_is_for_one_code(shop, send):
    ContactFactory(agreeing=True)
    other = Send.objects.get(drop=_frozen(shop))
    token = uuid.uuid4()
    _redeem(send, token)
    with pytest.raises(TokenSpent):
        _redeem(other, token)


def test_sixty_four_attempts_at_once_use_a_code_once(committed):
    def made(_):
        ContactFactory(agreeing=True)
        return Send.objects.get(drop=_frozen(shop_here()))

    (send,) = committed(made, None)

    def attempt(_):
        return _redeem(send)

    results = committed(attempt, *range(64))
    assert sum(isinstance(one, codes.Redeemed) for one in results) == 1
    assert sum(isinstance(one, codes.CodeSpent) for one in results) == 63
    assert Use.objects.filter(send=send).count() == 1


def test_the_last_day_counts_until_midnight_at_the_shop(shop):
    ContactFactory(agreeing=True)
    drop = _frozen(shop, offer_until=date(2026, 11, 21))
    send = Send.objects.get(drop=drop)
    midnight = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)  # in Beaune
    with pytest.raises(codes.CodeExpired) as caught:
        _redeem(send, now=midnight)
    assert str(caught.value) == "Ce code valait jusqu’au 21 novembre 2026 : il n’est plus valable."
    assert _redeem(send, now=midnight - timedelta(minutes=1))


def test_a_used_code_may_be_given_back_and_used_again(send):
    use = _redeem(send).use
    codes.give_back(use=use, by=HELPER, now=FRIDAY + timedelta(minutes=9))
    codes.give_back(use=use, by=HELPER, now=FRIDAY + timedelta(minutes=9))
    assert _redeem(send).use != use
    assert Use.objects.filter(send=send).count() == 2  # what was undone stays as a trace
    assert Entry.objects.filter(verb="code.give_back", object_id=send.pk).count() == 1


@pytest.mark.parametrize(
    ("by", "after", "refusal"),
    [
        (Actor("team", 8), timedelta(minutes=1), codes.NotYourGesture),
        (HELPER, timedelta(minutes=11), codes.GivenBackTooLate),
    ],
)
def test_who_may_give_a_code_back(send, by, after, refusal):
    use = _redeem(send).use
    with pytest.raises(refusal):
        codes.give_back(use=use, by=by, now=FRIDAY + after)
    assert codes.give_back(use=use, by=by, now=FRIDAY + after, lead=True).undone_at


# --- the counter --------------------------------------------------------------------------


def _token(page):
    return re.search(r'name="token" value="([^"]+)"', page)[1]


@pytest.fixture
def current(shop):
    ContactFactory(first_name="Camille", last_name="Bernard", agreeing=True)
    drop = services.create(TEAM, written={**WORDS, "sms_text": "{code}"})
    services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, drop.created_at))
    drop.refresh_from_db()
    freezing.freeze(drop.pk, str(drop.launch_token))
    return Send.objects.get()


def test_a_helper_types_a_code_and_uses_it(helper_client, current):
    assert 'href="/comptoir/code/"' in helper_client.get("/comptoir/").content.decode()
    typed = f" {personal.shown(current.code).lower()} "
    answer = helper_client.get("/comptoir/code/", {"code": typed}, follow=True)
    page = answer.content.decode()
    assert "5\xa0€ de remise" in page or "5 € de remise" in page
    assert "Camille B." in page
    path = f"/comptoir/code/{current.code}/"
    page = helper_client.post(path, {"token": _token(page)}, follow=True).content.decode()
    assert "Code validé" in page
    assert "Annuler, c’était une erreur" in page
    back = f"/comptoir/code/{Use.objects.get().pk}/rendre/"
    assert "Code rendu" in helper_client.post(back, follow=True).content.decode()


def test_a_second_helper_is_told_that_the_code_has_served(helper_client, current):
    page = helper_client.get(f"/comptoir/code/{current.code}/").content.decode()
    codes.redeem(code=current.code, token=uuid.uuid4(), by=TEAM, now=FRIDAY)
    answer = helper_client.post(f"/comptoir/code/{current.code}/", {"token": _token(page)})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Ce code a déjà servi, le 20 novembre 2026 à 11:00." in page
    assert "Annuler, c’était une erreur" not in page


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        ("K7Q", 422, "Ce code est mal recopié"),
        ("222-222-222", 404, "il vient d’une autre boutique"),
        ("https://ailleurs.exemple/comptoir/code/222222222/", 404, "il vient d’une autre boutique"),
        ("\x00" * 9, 422, "mal recopié"),
    ],
)
def test_a_code_that_is_none_is_told_so(helper_client, typed, status, told):
    answer = helper_client.get("/comptoir/code/", {"code": typed})
    assert told in answer.content.decode() or typed.startswith("\x00")
    assert answer.status_code in {status, 200}


def test_a_code_of_the_shop_next_door_is_not_known_here(shop, other_shop, helper_client, current):
    with in_schema(other_shop.schema_name), pytest.raises(codes.CodeOfAnotherShop):
        codes.redeem(code=current.code, token=uuid.uuid4(), by=TEAM, now=FRIDAY)


def test_the_scanner_reads_a_voucher_too(shop, helper_client, current):
    read = f"{shop.url}/comptoir/code/{current.code}/"
    answer = helper_client.get("/comptoir/scan/", {"code": read}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/comptoir/code/{current.code}/"


def test_trying_codes_by_chance_is_stopped(helper_client, current):
    for _ in range(60):
        helper_client.get("/comptoir/code/", {"code": "222-222-222"})
    answer = helper_client.get("/comptoir/code/", {"code": current.code})
    assert answer.status_code == 429


# --- the voucher --------------------------------------------------------------------------


def test_the_voucher_shows_what_it_gives_and_nobodys_name(visitor, current):
    answer = visitor.get(f"/bon/{current.code}/")
    page = answer.content.decode()
    assert personal.shown(current.code) in page
    assert "qrline" in page
    assert "Camille" not in page
    assert "noindex" in answer["X-Robots-Tag"]


def test_a_used_voucher_says_so_and_shows_no_qr(visitor, current):
    codes.redeem(code=current.code, token=uuid.uuid4(), by=TEAM, now=FRIDAY)
    page = visitor.get(f"/bon/{current.code}/").content.decode()
    assert "Utilisé le 20 novembre 2026" in page
    assert "qrline" not in page


def test_an_address_that_is_no_voucher_is_explained_and_limited(visitor, current):
    statuses = [visitor.get("/bon/222222222/").status_code for _ in range(31)]
    assert statuses == [404] * 30 + [429]
    assert visitor.get(f"/bon/{current.code}/").status_code == 200


def test_codes_are_pages_of_few_questions(helper_client, current, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        helper_client.get(f"/comptoir/code/{current.code}/")


def test_a_refusal_is_a_sentence(send):
    for kind in (codes.CodeMistyped, codes.CodeOfAnotherShop, codes.NotYourGesture):
        assert isinstance(kind(), Refusal)
        assert str(kind()).endswith((".", "»."))
