"""What messages that leave by themselves bring: links, codes and stops, each under its run."""

import re
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.campaigns import automatic, automatic_queries, codes, firing, leaving
from apps.campaigns.models import Click, Drop, Run, RunState, Send, Trial, Trigger
from apps.campaigns.personal import shown
from apps.catalog.services.purchases import record_purchase
from apps.contacts.models import ConsentEvent, ConsentState, Contact
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.tokens import short
from apps.messaging.models import Message, Status
from apps.messaging.outbox import claim
from tests.factories import CardFactory, ProgrammeFactory

TEAM = Actor("team", 1)
TEN = datetime(2026, 11, 24, 9, tzinfo=UTC)
LONG_AGO = TEN - timedelta(days=20)
BROWSER = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1"}
WORDS = {
    "use_email": False,
    "sms_text": "{prénom}, {code} et {bon} : {lien} https://exemple.fr/fete",
    "offer": "Un verre offert",
    "offer_days": 10,
}


def _wished(shop, many=3, **words):
    """``many`` who were born on this day, each with their message."""
    ProgrammeFactory()
    trigger = automatic.create("birthday", TEAM)
    Trigger.objects.filter(pk=trigger.pk).update(**{**WORDS, **words})
    automatic.switch_on(trigger.pk, TEAM, shop, LONG_AGO)
    born = {"contact__birth_date": date(1980, 11, 24), "contact__created_at": LONG_AGO}
    CardFactory.create_batch(many, contact__agreeing=True, **born)
    Trigger.objects.update(next_at=TEN)
    firing.run_due(TEN)
    return Trigger.objects.get(pk=trigger.pk)


def _bought(contact, cents, at):
    reference = str(uuid.uuid4())
    record_purchase(
        contact=contact, amount_cents=cents, at=at, source="counter", reference=reference
    )


def _redeem(send, now=TEN):
    return codes.redeem(code=send.code, token=uuid.uuid4(), by=TEAM, now=now)


def test_each_message_carries_a_code_and_links_of_its_own(shop):
    trigger = _wished(shop)
    assert Send.objects.count() == 3
    for send in Send.objects.select_related("run__message", "contact__card"):
        body, door = send.run.message.body, f"/m/{short(trigger.pk)}"
        assert send.run.message.contact == send.contact
        assert shown(send.code) in body
        assert f"/bon/{send.code}/" in body
        assert f"{door}/{send.contact.card.token}/" in body
        assert re.search(rf"{door}/[0-9a-z]{{6}}/{send.contact.link_token}/", body)
        assert "exemple" not in body.lower()


def test_the_mail_that_leaves_carries_them_too(shop):
    mail = {
        "use_sms": False,
        "use_email": True,
        "email_subject": "Pour vous : {code}",
        "email_text": "{bon}\n\n{code}\n\n{lien}\n\nhttps://exemple.fr/fete",
    }
    _wished(shop, 2, **mail)
    sent = {held.outgoing.to: held.outgoing for held in claim(shop, TEN)}
    for send in Send.objects.select_related("contact__card"):
        mail = sent[send.contact.email]
        for mine in (mail.body, mail.html):
            assert shown(send.code) in mine
            assert f"/bon/{send.code}/" in mine
            assert f"/{send.contact.card.token}/" in mine
            assert f"/{send.contact.link_token}/" in mine
        assert "exemple-de-lien" not in mail.html


def test_what_it_gives_is_what_was_promised_that_day(shop, visitor):
    trigger = _wished(shop, 2)
    Trigger.objects.filter(pk=trigger.pk).update(offer="Rien", offer_days=1)
    one, other = Send.objects.order_by("pk")
    assert (one.source.offer, one.source.offer_until) == ("Un verre offert", date(2026, 12, 4))
    assert "Un verre offert" in visitor.get(f"/bon/{one.code}/").content.decode()
    assert not _redeem(one, TEN + timedelta(days=9)).repeated
    with pytest.raises(codes.CodeSpent):
        _redeem(one)
    with pytest.raises(codes.CodeExpired):
        _redeem(other, TEN + timedelta(days=11))


def test_without_a_number_of_days_it_is_worth_something_for_ever(shop):
    _wished(shop, 1, offer_days=None)
    assert _redeem(Send.objects.get(), TEN + timedelta(days=900)).use.pk


def test_at_the_counter_a_code_says_what_it_gives_and_from_what_message(shop, helper_client):
    _wished(shop, 1)
    page = helper_client.get(f"/comptoir/code/{Send.objects.get().code}/").content.decode()
    assert "Un verre offert" in page
    assert "Anniversaire" in page


def test_clicks_count_under_the_last_run_once_and_by_browsers_alone(shop, visitor):
    trigger = _wished(shop, 2)
    send = Send.objects.select_related("contact__card").order_by("pk").first()
    paths = [f"/bon/{send.code}/", f"/m/{short(trigger.pk)}/{send.contact.card.token}/"]
    paths += re.findall(r"/m/[0-9a-z]+/[0-9a-z]{6}/[\w-]{22}/", send.run.message.body)
    assert len(paths) == 3
    for path in paths:
        assert visitor.get(path, headers=BROWSER).status_code == 200
    assert not Click.objects.exists()
    for path in paths * 2:
        assert visitor.post(path, headers=BROWSER).status_code == 204
        assert visitor.post(path, headers={"User-Agent": "bot"}).status_code == 204
    clicks = Click.objects.values_list("run", "drop", "contact")
    assert list(clicks) == [(send.run_id, None, send.contact_id)] * 3


def test_a_link_of_a_message_that_never_was_counts_nothing(shop, visitor):
    trigger, stranger = _wished(shop, 1), CardFactory()
    for number in (short(trigger.pk), short(trigger.pk + 1), "zzzzzzzzzzzzz"):
        visitor.post(f"/m/{number}/{stranger.token}/", headers=BROWSER)
    assert not Click.objects.exists()


def test_the_page_tells_what_it_brought(
    shop, visitor, owner_client, django_assert_max_num_queries, monkeypatch
):
    trigger = _wished(shop, 4)
    first, second, third, _ = Send.objects.select_related("run__message").order_by("pk")
    visitor.post(f"/bon/{first.code}/", headers=BROWSER)
    page = re.search(r"/m/[0-9a-z]+/[0-9a-z]{6}/[\w-]{22}/", second.run.message.body)[0]
    visitor.post(page, headers=BROWSER)
    _redeem(first)
    spent = _redeem(second)
    codes.give_back(use=spent.use, by=TEAM, now=TEN)
    Message.objects.filter(pk=third.run.message_id).update(
        status=Status.FAILED, available_at=None, reason="30003"
    )
    ConsentEvent.objects.create(
        contact=third.contact,
        channel="sms",
        state=ConsentState.WITHDRAWN,
        at=TEN + timedelta(days=2),
    )
    _bought(first.contact, 1250, TEN + timedelta(days=3))
    _bought(second.contact, 700, TEN - timedelta(hours=1))  # before it
    _bought(third.contact, 900, TEN + timedelta(days=15))  # too long after it
    effect = automatic_queries.effect(trigger, LONG_AGO, 4)
    assert effect.cents == 1250
    assert (effect.clicked.some, effect.clicked.all) == (2, 4)
    assert (effect.redeemed.some, effect.redeemed.all) == (1, 4)
    assert (effect.stops, effect.addresses) == (1, [("exemple.fr/fete", 1)])
    ((_reason, count),) = effect.failures
    assert count == 1
    monkeypatch.setattr(automatic_queries, "LATELY", timedelta(days=36500))
    with django_assert_max_num_queries(40):
        told = owner_client.get(f"/gestion/automatiques/{trigger.pk}/").content.decode()
    for part in ("ont suivi un lien, soit 50", "utilisé sur 4", "exemple.fr/fete"):
        assert part in told


def test_a_person_merged_since_is_one_person_in_the_stops(shop):
    trigger = _wished(shop, 2)
    one, other = Contact.objects.order_by("pk")
    for person in (one, other):
        ConsentEvent.objects.create(
            contact=person, channel="sms", state=ConsentState.WITHDRAWN, at=TEN + timedelta(1)
        )
    Contact.objects.filter(pk=other.pk).update(merged_into=one)
    assert automatic_queries.effect(trigger, LONG_AGO, 2).stops == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"offer": ""}, "dites ce qu’il donne"),
        ({"sms_text": "Bel anniversaire"}, "par SMS ne le porte pas"),
    ],
)
def test_a_code_that_gives_nothing_or_stands_nowhere_is_not_switched_on(shop, words, sentence):
    with pytest.raises(Refusal, match=sentence):
        _wished(shop, 1, **words)


def test_a_swept_run_that_dies_leaves_no_code_behind(shop, monkeypatch):
    """The code, the message and the run stand together or not at all."""
    monkeypatch.setattr(leaving, "post", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        _wished(shop, 1)
    assert not Send.objects.exists()


def test_the_database_holds_that_each_belongs_to_one_cause(shop):
    trigger = _wished(shop, 1)
    drop, person, run = Drop.objects.create(title="A"), Contact.objects.first(), Run.objects.get()
    for model in (Send, Click):
        for whose in ({}, {"drop": drop, "run": run}):
            with pytest.raises(IntegrityError), transaction.atomic():
                model.objects.create(contact=person, **whose)
    for whose in ({}, {"drop": drop, "trigger": trigger}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Trial.objects.create(**whose)
    with pytest.raises(IntegrityError), transaction.atomic():
        Send.objects.create(run=run, contact=person)
    assert run.state == RunState.SENT


def test_a_test_of_it_goes_to_who_writes_it_and_to_no_customer(shop, owner_client, run_jobs):
    trigger = _wished(shop, 1, sms_text="{prénom}, bel anniversaire : {code}")
    before = Message.objects.count()
    page = owner_client.post(
        f"/gestion/automatiques/{trigger.pk}/essai/", {"phone": "06 12 34 56 78"}, follow=True
    ).content.decode()
    assert "Essai envoyé à 06" in page
    run_jobs()
    trial = Trial.objects.get()
    assert (trial.trigger, trial.outcome, trial.to, trial.body) == (trigger, "sent", "", "")
    assert Message.objects.count() == before
    assert Send.objects.count() == 1
    answer = owner_client.post(
        f"/gestion/automatiques/{trigger.pk}/essai/",
        {"phone": "03"},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 422
