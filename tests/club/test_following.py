"""What Stripe tells of a member, in any order and as often as it likes, comes to the same."""

import random

import pytest
from django.db import connection
from django.utils import timezone

from apps.club import story
from apps.club.models import Member, MemberEvent, Period, State
from apps.club.services import following
from apps.core.tenancy import in_schema
from apps.invoicing.models import Invoice
from apps.payments import events, reconciling
from apps.payments.models import Difference, Gap, StripeEvent
from tests.payments.conftest import CARD
from tests.peers.stripe import billing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]
REFUSED = "4000 0000 0000 0341"


@pytest.fixture
def declined(make_plan, join, stripe, told):
    """A member whose second month the bank refused."""
    member = join(make_plan())
    billing.use(
        stripe.books, REFUSED, member.customer_id, stripe.books.owners[member.subscription_id]
    )
    stripe.advance(31)
    told()
    member.refresh_from_db()
    return member


def kinds(member):
    return [line.kind for line in reversed(story.lines(member))]


def test_a_decline_is_told_as_a_story_and_so_is_its_end(declined, stripe, told):
    assert declined.state == State.LATE
    assert kinds(declined)[-3:-1] == ["late", "failed"]
    books = stripe.books
    billing.use(books, "4242", declined.customer_id, books.owners[declined.subscription_id])
    told()
    declined.refresh_from_db()
    assert declined.state == State.ACTIVE
    assert "recovered" in kinds(declined)
    assert Period.objects.filter(state="paid").count() == 2
    assert Invoice.objects.count() == 2


def test_each_try_that_failed_is_told_once(declined, stripe, told):
    stripe.advance(4)
    told()
    following.follow(declined.customer_id, timezone.now())
    assert kinds(declined).count("failed") == 2


def test_who_is_given_up_leaves_and_their_place_with_them(declined, stripe, told):
    stripe.advance(20)
    told()
    declined.refresh_from_db()
    assert (declined.state, bool(declined.ended_at)) == (State.ENDED, True)
    assert kinds(declined)[-1] in {"ended", "failed"}


def test_who_left_before_we_heard_of_it_had_joined(make_plan, order, stripe, told):
    """The month they paid is told and invoiced; nobody is welcomed who is gone."""
    stripe.pay(order(make_plan()), CARD)
    member = Member.objects.get()
    (sub,) = (one for one in stripe.books.things.values() if one["object"] == "subscription")
    billing.end(stripe.books, sub)
    told()
    member.refresh_from_db()
    assert (member.state, bool(member.began_at)) == (State.ENDED, True)
    assert kinds(member) == ["asked", "joined", "paid", "ended", "invoiced"]


def picture(member):
    fields = ("state", "began_at", "ends_at", "period_ends_at", "subscription_id")
    return (
        Member.objects.values(*fields).get(pk=member.pk),
        list(Period.objects.order_by("paid_as").values("paid_as", "state", "amount_cents")),
        sorted(MemberEvent.objects.values_list("kind", "about")),
        Invoice.objects.count(),
    )


@pytest.mark.parametrize("seed", range(2))
def test_events_in_any_order_and_told_again_change_nothing(declined, run_jobs, shop, seed):
    before = picture(declined)
    shuffled = list(StripeEvent.objects.exclude(about="").values_list("pk", flat=True))
    random.Random(seed).shuffle(shuffled)
    for one in shuffled[:6]:
        connection.set_schema_to_public()
        events.replay(StripeEvent.objects.filter(pk=one))
        run_jobs()
        connection.set_tenant(shop)
    assert picture(declined) == before


def test_all_that_stands_here_is_read_again_from_stripe_alone(declined, account, run_jobs, shop):
    """The cache can be thrown away: what follows from it comes back as it was."""
    from apps.payments import selling

    before = picture(declined)
    selling.forget_buyer(declined.customer_id)
    selling.refresh(account, declined.customer_id)
    following.follow(declined.customer_id, timezone.now())
    assert picture(declined) == before


def test_a_membership_that_ended_unheard_is_listed_at_night_and_set_right(
    make_plan, join, stripe, run_jobs, shop
):
    member = join(make_plan())
    there = stripe.books.things[member.subscription_id]
    there |= {"status": "canceled", "ended_at": stripe.books.now()}
    with in_schema("public"):
        reconciling.reconcile(timezone.now())
    run_jobs()
    connection.set_tenant(shop)
    found = Difference.objects.get(gap=Gap.CHANGED, about=member.subscription_id)
    assert (found.here.split()[0], found.there.split()[0]) == ("active", "canceled")
    member.refresh_from_db()
    assert member.state == State.ENDED


def test_a_customer_of_the_account_that_is_not_ours_leaves_no_trace(stripe, account, told, shop):
    from djstripe.models import Customer

    books = stripe.books
    from tests.peers.stripe import shapes

    buyer = books.put(shapes.customer(books, {"email": "x@exemple.fr"}), account.account_id)
    books.emit("customer.subscription.updated", {"customer": buyer["id"]}, account.account_id)
    told()
    assert StripeEvent.objects.get(about=buyer["id"]).outcome == "applied"
    assert not Customer.objects.filter(id=buyer["id"]).exists()


def test_an_unknown_account_is_nobodys(stripe, tell, run_jobs, shop):
    event = {
        "id": "evt_9",
        "object": "event",
        "type": "invoice.paid",
        "created": 1_790_000_000,
        "livemode": False,
        "account": "acct_inconnu",
        "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_1"}},
    }
    assert tell(event) == 200
    run_jobs()
    with in_schema(shop.schema_name):
        assert StripeEvent.objects.get(event_id="evt_9").outcome == "not_ours"
