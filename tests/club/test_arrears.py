"""Money that does not come: said at once and why, asked for again, boxes put aside, and mended by
two taps; whatever Stripe tells twice or out of order."""

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.club import care, story
from apps.club.member_models import Arrear, Reason
from apps.club.models import Member, Period, PeriodState
from apps.club.services import arrears, joining
from apps.contacts.models import Contact
from apps.messaging.models import Message
from apps.payments import events
from apps.payments.models import StripeEvent
from tests.club.conftest import again

pytestmark = pytest.mark.django_db
POOR, EXPIRED, CONFIRM = "4000 0000 0000 9995", "4000 0000 0000 0069", "4000 0027 6000 3184"
LATE_DEBIT = "FR84 2004 1010 0505 0001 3M02 607"


@pytest.fixture
def mobile(lea):
    """Léa, who has given her mobile too."""
    Contact.objects.filter(pk=lea.contact_id).update(phone="+33612345678", phone_mobile=True)
    return again(lea)


def said(channel="email"):
    found = Message.objects.filter(channel=channel, cause__startswith="club-arrear")
    return [one.subject or one.body for one in found.order_by("pk")]


def kinds(member):
    return [line.kind for line in reversed(story.lines(member))]


@pytest.mark.parametrize(
    ("number", "reason", "subject"),
    [
        (POOR, Reason.SOFT, "Votre paiement n’a pas abouti"),
        (EXPIRED, Reason.HARD, "Votre carte ne passe plus"),
        (CONFIRM, Reason.CONFIRM, "Votre banque attend votre confirmation"),
    ],
)
def test_each_refusal_is_said_by_its_reason_by_mail_and_sms(mobile, month, number, reason, subject):
    month(mobile, number)
    arrear = Arrear.objects.get()
    assert arrear.reason == reason
    assert said() == [subject]
    (sms,) = said("sms")
    assert f"/club/regler/{arrear.token}/" in sms
    assert f"wrote_{reason}" in kinds(mobile)


def test_a_debit_that_is_rejected_days_later_is_said_then(lea, month, stripe, told):
    month(lea, LATE_DEBIT)
    assert not Arrear.objects.exists()
    stripe.advance(6)
    told()
    assert Arrear.objects.get().reason == Reason.DEBIT
    assert said() == ["Votre prélèvement a été rejeté"]


def test_an_sms_waits_for_an_hour_at_which_one_may_ring(mobile, month):
    month(mobile, EXPIRED)
    sms = Message.objects.get(channel="sms", cause__startswith="club-arrear")
    hour = timezone.localtime(sms.available_at).hour
    assert 8 <= hour < 22


def test_stripes_own_tries_write_to_nobody_twice(lea, month, stripe, told):
    month(lea, POOR)
    stripe.advance(4)
    told()
    arrear = Arrear.objects.get()
    assert (arrear.tries, arrear.told) == (2, 1)
    assert len(said()) == 1


def test_what_is_told_again_and_in_any_order_changes_nothing(lea, month, told, run_jobs, shop):
    month(lea, EXPIRED)
    before = kinds(lea), said(), list(Arrear.objects.values())
    names = list(StripeEvent.objects.exclude(about="").values_list("pk", flat=True))
    for pk in random.Random(7).sample(names, min(6, len(names))):
        connection.set_schema_to_public()
        events.replay(StripeEvent.objects.filter(pk=pk))
        run_jobs()
        connection.set_tenant(shop)
    assert (kinds(lea), said(), list(Arrear.objects.values())) == before


def test_reminders_then_boxes_put_aside_each_once(lea, month):
    month(lea, EXPIRED)
    arrear = Arrear.objects.get()
    for days in (3, 3, 7, 10, 10, 30):
        Arrear.objects.filter(pk=arrear.pk, look_at__isnull=False).update(look_at=arrear.since)
        arrears.remind(arrear.pk, arrear.since + timedelta(days=days, hours=1))
    assert said() == [
        "Votre carte ne passe plus",
        "Votre paiement attend toujours",
        "Votre paiement attend toujours",
        "Votre box est mise de côté",
    ]
    assert Arrear.objects.standing().filter(suspended_at__isnull=False).count() == 1
    assert kinds(lea)[-1] == "wrote_suspended"


def test_the_clock_looks_at_what_is_due(lea, month):
    month(lea, EXPIRED)
    Arrear.objects.update(since=timezone.now() - timedelta(days=3, hours=1), look_at=timezone.now())
    care.run()
    care.run()
    assert len(said()) == 2


def test_two_taps_mend_it(lea, month, visitor, stripe, told):
    month(lea, EXPIRED)
    arrear = Arrear.objects.get()
    page = visitor.get(f"/club/regler/{arrear.token}/").content.decode()
    assert "32,00" in page
    assert "Léa" not in page
    url = visitor.post(f"/club/regler/{arrear.token}/")["Location"]
    stripe.pressed(url.removeprefix(stripe.url), {"act": "pay", "number": "4242 4242 4242 4242"})
    told()
    arrear.refresh_from_db()
    assert arrear.recovered
    assert again(lea).state == "active"
    assert said()[-1] == "Votre paiement est passé"
    after = visitor.get(f"/club/regler/{arrear.token}/").content.decode()
    assert "C’est réglé, merci" in after
    stripe.advance(31)
    told()
    assert lea.periods.filter(state=PeriodState.PAID).count() == 3


def test_who_is_asked_to_confirm_confirms(lea, month, visitor, stripe, told):
    month(lea, CONFIRM)
    arrear = Arrear.objects.get()
    assert "Confirmer le paiement" in visitor.get(f"/club/regler/{arrear.token}/").text
    url = visitor.post(f"/club/regler/{arrear.token}/")["Location"]
    stripe.pressed(url.removeprefix(stripe.url), {"act": "confirm"})
    told()
    arrear.refresh_from_db()
    assert arrear.recovered


def test_an_sms_that_waits_for_the_morning_does_not_leave_once_it_is_paid(mobile, month, told):
    month(mobile, EXPIRED)
    Message.objects.filter(channel="sms").update(available_at=timezone.now() + timedelta(hours=9))
    month(mobile, "4242 4242 4242 4242", days=0)
    sms = Message.objects.get(channel="sms", cause__startswith="club-arrear")
    assert sms.status == "cancelled"


def test_what_stripe_gives_up_is_owed_no_more(lea, month, stripe, told):
    month(lea, POOR)
    stripe.advance(20)
    told()
    arrear = Arrear.objects.get()
    assert again(lea).state == "ended"
    assert (arrear.recovered, bool(arrear.ended_at)) == (False, True)


def test_a_link_of_another_shop_or_of_nobody_owes_nothing(lea, month, visitor, other_shop):
    month(lea, EXPIRED)
    answer = visitor.get(f"/club/regler/{'x' * 22}/")
    assert answer.status_code == 404
    assert "rien à payer" in answer.content.decode()


def test_at_stripes_silence_the_link_says_so(lea, month, visitor, stripe):
    month(lea, EXPIRED)
    token = Arrear.objects.get().token
    stripe.down = True
    answer = visitor.post(f"/club/regler/{token}/")
    assert answer.status_code == 503
    assert "Stripe ne répond pas" in answer.content.decode()


def test_the_page_of_what_is_owed_asks_the_same_for_many(owner_client, make_plan, a_wish):
    plan = make_plan()

    def owing(first, last):
        for n in range(first, last):
            member = joining.seat(a_wish(f"p{n}"), plan, timezone.now())
            day = timezone.localdate()
            words = {"starts": day, "ends": day + timedelta(days=30), "amount_cents": 3200}
            period = Period.objects.create(member=member, paid_as=f"in_{n}", **words)
            words = {"reason": Reason.SOFT, "since": timezone.now()}
            Arrear.objects.create(period=period, member=member, **words)
        with CaptureQueriesContext(connection) as asked:
            page = owner_client.get("/gestion/club/retards/").text
        assert f"{last} paiement" in page
        return len(asked)

    assert owing(0, 1) == owing(1, 5)


def test_who_has_neither_mail_nor_mobile_is_to_be_called(lea, month):
    Contact.objects.filter(pk=lea.contact_id).update(email="")
    month(lea, EXPIRED)
    assert "unreachable" in kinds(lea)
    assert Member.objects.get(pk=lea.pk).state == "late"
