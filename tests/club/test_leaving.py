"""Leaving by one's own word: résilier in three clicks, renoncer within fourteen days, each once."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from apps.club import care, rounds
from apps.club.box_models import Box, Round
from apps.club.contract import reference_of
from apps.club.member_models import Leaving
from apps.club.models import Member, MemberEvent
from apps.club.services import leaving
from apps.club.services.giving_back import bottles_came_back
from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.invoicing.models import Invoice, Payment, Type
from apps.messaging.models import Message
from tests.club.boxing import a_round, bottle
from tests.club.conftest import again

pytestmark = pytest.mark.django_db


def form(member, **more):
    said = {
        "key": str(uuid4()),
        "name": "Léa Martin",
        "email": "lea@exemple.fr",
        "reference": reference_of(member),
    }
    return {**said, **more}


def word(member, now=None, **more):
    said = {"key": uuid4(), "name": "Léa Martin", "email": "lea@exemple.fr"}
    return leaving.cancel(
        member, **{**said, "wanted_on": None, "now": now or timezone.now(), **more}
    )


def mails(contains):
    return list(Message.objects.filter(channel="email", subject__contains=contains))


# --- résilier ------------------------------------------------------------------------------


def test_three_clicks_end_a_contract(lea, visitor, stripe, told, run_jobs):
    page = visitor.get("/club/resilier/").content.decode()
    assert "Résilier votre contrat" in page
    said = form(lea)
    recap = visitor.post("/club/resilier/", {**said, "etape": "voir"}).content.decode()
    assert "Confirmer la résiliation" in recap
    assert not Leaving.objects.exists()
    done = visitor.post("/club/resilier/", {**said, "etape": "confirmer"}).content.decode()
    assert "Votre résiliation est enregistrée" in done
    run_jobs()
    (sub,) = stripe.books.all("subscription", account_of(stripe, lea))
    assert sub["cancel_at_period_end"] is True
    told()
    assert again(lea).state == "leaving"
    (mail,) = mails("Votre résiliation est enregistrée")
    assert mail.to == "lea@exemple.fr"
    assert reference_of(lea) in mail.body


def account_of(stripe, member):
    return stripe.books.owners[member.subscription_id]


def test_confirming_twice_is_one_word_and_one_mail(lea, visitor, run_jobs):
    said = form(lea, etape="confirmer")
    visitor.post("/club/resilier/", said)
    visitor.post("/club/resilier/", said)
    visitor.post("/club/resilier/", form(lea, etape="confirmer"))
    run_jobs()
    assert Leaving.objects.count() == 1
    assert len(mails("Votre résiliation est enregistrée")) == 1


def test_who_leaves_is_asked_for_nothing_the_law_does_not_name(lea, visitor):
    page = visitor.get("/club/resilier/").content.decode()
    asked = set(re.findall(r'name="(\w+)"', page.split("<form", 1)[1].split("</form>")[0]))
    assert asked - {"csrfmiddlewaretoken"} == {
        *("key", "name", "email", "reference", "wanted_on", "etape"),
    }


@pytest.mark.parametrize(
    "slip",
    [
        {"reference": "C99999-2222"},
        {"reference": "n’importe quoi"},
        {"email": "autre@exemple.fr"},
    ],
)
def test_an_unknown_reference_or_mail_is_said_alike_and_keeps_what_was_typed(lea, visitor, slip):
    answer = visitor.post("/club/resilier/", form(lea, **slip, etape="voir"))
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "Nous ne trouvons pas de contrat" in page
    assert "Léa Martin" in page
    assert not Leaving.objects.exists()


def test_a_reference_is_worth_nothing_in_another_shop(lea, other_shop):
    here = reference_of(lea)
    with in_schema(other_shop.schema_name):
        assert reference_of(lea) != here
        with pytest.raises(leaving.NoSuchContract):
            leaving.contract(here, "lea@exemple.fr")


def test_a_reference_may_be_typed_as_one_likes(lea):
    typed = f" {reference_of(lea).lower().replace('-', ' ')} "
    assert leaving.contract(typed, "LEA@exemple.fr") == lea


def test_a_later_end_is_the_end_of_a_later_period(lea):
    wanted = timezone.localdate(lea.period_ends_at) + timedelta(days=10)
    ends = word(lea, wanted_on=wanted).ends_at
    assert timezone.localdate(ends) >= wanted
    assert timezone.localdate(ends) < wanted + timedelta(days=31)


def test_a_fixed_term_is_kept_to_its_end(join, make_plan):
    bound = join(make_plan(term_months=12), "lea")
    assert timezone.localdate(word(bound).ends_at) >= bound.term_ends_on


def test_at_stripes_silence_the_word_stands_and_is_told_later(lea, visitor, stripe, run_jobs, shop):
    stripe.down = True
    visitor.post("/club/resilier/", form(lea, etape="confirmer"))
    with pytest.raises(Exception, match="StripeSilent"):
        run_jobs()
    connection.set_tenant(shop)
    assert len(mails("Votre résiliation est enregistrée")) == 1
    stripe.down = False
    Leaving.objects.update(asked_at=timezone.now() - timedelta(minutes=10))
    care.run()
    run_jobs()
    assert Leaving.objects.get().done_at is not None


def test_who_changes_their_mind_stays(lea, stripe, run_jobs, told):
    word(lea)
    run_jobs()
    first = leaving.take_back(again(lea), now=timezone.now())
    run_jobs()
    told()
    assert again(lea).state == "active"
    (sub,) = stripe.books.all("subscription", account_of(stripe, lea))
    assert sub["cancel_at_period_end"] is False
    with pytest.raises(leaving.TakenBack):
        word(again(lea), key=first.key)
    assert word(again(lea)) != first


def test_a_word_taken_back_before_stripe_heard_it_changes_nothing_there(lea, stripe, run_jobs):
    word(lea)
    leaving.take_back(again(lea), now=timezone.now())
    run_jobs()
    (sub,) = stripe.books.all("subscription", account_of(stripe, lea))
    assert sub["cancel_at_period_end"] is False
    assert not Leaving.objects.undone().exists()


def test_a_contract_that_is_over_is_said_to_be(lea, stripe, told):
    word(lea)
    care.carry_out_leaving(Leaving.objects.get().pk)
    stripe.advance(32)
    told()
    assert again(lea).state == "ended"
    Leaving.objects.all().delete()
    with pytest.raises(leaving.NothingToCancel):
        word(again(lea))


# --- renoncer ------------------------------------------------------------------------------


def renounce(member, now=None):
    said = {"key": uuid4(), "name": "Léa Martin", "email": "lea@exemple.fr"}
    return leaving.renounce(member, **said, now=now or timezone.now())


def test_renouncing_gives_everything_back_with_a_credit_note(lea, visitor, stripe, run_jobs):
    said = form(lea)
    page = visitor.post("/club/renoncer/", {**said, "etape": "voir"}).content.decode()
    assert "Confirmer la rétractation" in page
    assert "32,00" in page
    done = visitor.post("/club/renoncer/", {**said, "etape": "confirmer"}).content.decode()
    assert "Votre rétractation est enregistrée" in done
    run_jobs()
    account = account_of(stripe, lea)
    assert [one["amount"] for one in stripe.books.all("refund", account)] == [3200]
    assert stripe.books.all("subscription", account)[0]["status"] == "canceled"
    (note,) = Invoice.objects.filter(type=Type.CREDIT)
    assert note.total_cents == -3200
    assert sum(Payment.objects.values_list("amount_cents", flat=True)) == 0
    assert again(lea).state == "ended"


def test_its_acknowledgement_says_the_day_and_the_hour(lea, run_jobs):
    at = timezone.now()
    renounce(lea, at)
    (mail,) = mails("Accusé de réception de votre rétractation")
    assert f"{timezone.localtime(at):%H:%M}" in mail.body
    assert str(timezone.localtime(at).year) in mail.body


def test_it_says_that_bottles_come_back_first_where_there_are_any(lea, visitor, run_jobs):
    received(lea, 2)
    said = form(lea)
    recap = visitor.post("/club/renoncer/", {**said, "etape": "voir"}).content.decode()
    assert "Rapportez ou renvoyez les bouteilles reçues" in recap
    visitor.post("/club/renoncer/", {**said, "etape": "confirmer"})
    (mail,) = mails("Accusé de réception de votre rétractation")
    assert "Rapportez ou renvoyez les bouteilles reçues" in mail.body
    assert "32,00" in mail.body
    assert "au plus tard dans les quatorze jours" not in mail.body
    run_jobs()
    bottles_came_back(Leaving.objects.get().pk, by=Actor("team", 1), now=timezone.now())
    recap = visitor.post("/club/renoncer/", {**said, "etape": "voir"}).content.decode()
    assert "Rapportez" not in recap


def test_it_asks_nothing_back_of_who_received_nothing(lea, visitor, run_jobs):
    said = form(lea)
    recap = visitor.post("/club/renoncer/", {**said, "etape": "voir"}).content.decode()
    renounce(lea)
    (mail,) = mails("Accusé de réception de votre rétractation")
    assert "au plus tard dans les quatorze jours" in mail.body
    assert "Rapportez" not in recap + mail.body


def test_renouncing_twice_pays_back_once(lea, stripe, run_jobs):
    first = renounce(lea)
    assert renounce(lea) == first
    run_jobs()
    care.carry_out_leaving(first.pk)
    care.carry_out_leaving(first.pk)
    assert len(stripe.books.all("refund", account_of(stripe, lea))) == 1
    assert Invoice.objects.filter(type=Type.CREDIT).count() == 1
    assert MemberEvent.objects.filter(kind="given_back").count() == 1


def received(member, days_ago, state="handed"):
    """Their first box, so many days ago."""
    at, month = timezone.now() - timedelta(days=days_ago), timezone.localdate().replace(day=1)
    one = Round.objects.create(month=month, choose_until=month, ready_on=month)
    gone = {"packed_at": at, "pulled": uuid4(), "ended_at": at, "gesture": uuid4()}
    period = member.periods.get()
    Box.objects.create(
        round=one, member=member, period=period, bottles=1, state=state, made_at=at, **gone
    )


@pytest.mark.parametrize(("state", "days"), [("handed", 20), ("shipped", 27)])
def test_fourteen_days_after_the_first_box_it_is_too_late(lea, state, days):
    received(lea, days, state)
    with pytest.raises(leaving.TooLateToRenounce):
        renounce(again(lea))


def test_before_the_first_box_it_is_never_too_late(lea, run_jobs):
    Member.objects.filter(pk=lea.pk).update(began_at=timezone.now() - timedelta(days=60))
    assert renounce(again(lea)).way == "renounce"


def test_who_renounced_gets_no_box(lea, run_jobs):
    """Neither the one that was packed, nor another of the period that is given back."""
    bottle()
    one = a_round(month=timezone.localdate().replace(day=1), now=timezone.now())
    box = Box.objects.get(round=one, member=lea)
    Box.objects.filter(pk=box.pk).update(state="packed", pulled=uuid4(), packed_at=timezone.now())
    renounce(lea)
    run_jobs()
    box.refresh_from_db()
    assert box.state == "cancelled"
    Box.objects.all().delete()
    assert rounds.make(one.pk, timezone.now())
    assert not Box.objects.exists()


def test_money_waits_for_the_bottles_that_were_received(lea, stripe, run_jobs, owner_client):
    received(lea, 2)
    word = renounce(lea)
    run_jobs()
    assert "Revenues, rembourser" in owner_client.get("/gestion/club/retards/").text
    assert again(lea).state == "ended"
    assert not stripe.books.all("refund", account_of(stripe, lea))
    owner_client.post(f"/gestion/club/retours/{word.pk}/")
    run_jobs()
    assert [one["amount"] for one in stripe.books.all("refund", account_of(stripe, lea))] == [3200]
