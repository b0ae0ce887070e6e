"""The demonstration's people and their ledgers could have been written by real shops."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.accounts.models import Membership, User
from apps.campaigns.lot_models import Lot
from apps.campaigns.models import Drop, State
from apps.catalog.models import Product, Purchase, Variant
from apps.catalog.queries import tastes
from apps.contacts.channels import names
from apps.contacts.models import ConsentEvent, ConsentState, Contact, Opposition
from apps.core.tenancy import across_shops, in_schema
from apps.invoicing.models import Closure, Draft, Invoice
from apps.invoicing.verifying import prove_chain
from apps.loyalty.models import Card, Movement, Redemption, Reward
from apps.messaging.models import Attempt, Message, Reply, Status, Template
from apps.ops.demo import filling
from apps.ops.demo.passes import root_file
from apps.ops.demo.shops import CAFE, CAVE
from apps.shops.models import Shop
from apps.wallet.models import Pass
from tests import environment
from tests.conftest import ShopClient
from tests.wallet.reader import openssl_verifies, read_pass

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("filled")]


@pytest.fixture(scope="module")
def now():
    return timezone.now()


@pytest.fixture(scope="module")
def demonstration(django_db_setup, django_db_blocker, now):
    """Filled once for all that only look at it; the worker's database is then made anew."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "SHOPS", (replace(CAVE, people=160), replace(CAFE, people=20)))
        cafe = Shop.objects.get(slug=CAFE.slug)
        with in_schema(cafe.schema_name):  # it stands already, without the fields of CAFE
            Shop.objects.filter(pk=cafe.pk).update(whatsapp_on=True)
        cave = Shop.objects.get(slug=CAVE.slug)
        legal = ("legal_name", "siren", "street", "postal_code", "city")
        with in_schema(cave.schema_name):  # nor this one, which writes invoices
            said = {name: CAVE.fields[name] for name in legal}
            Shop.objects.filter(pk=cave.pk).update(**said)
        filling.fill(lambda line: None, now)
        yield
        connections.close_all()
        environment.copy_database(environment.BASE, environment.NAME)


@pytest.fixture
def filled(demonstration, shop):
    """The wine merchant, with a tenth of the demonstration's people."""
    return shop


def test_a_card_can_be_taken_signed_by_the_demonstrations_own_authority(filled, tmp_path):
    card = Card.objects.filter(contact__merged_into=None).earliest("pk")
    answer = ShopClient(filled).get(f"/c/{card.token}/carte.pkpass")
    done = openssl_verifies(read_pass(answer.content), root_file().read_bytes(), tmp_path)
    assert done.returncode == 0, done.stderr
    assert 0 < Pass.objects.filter(registrations__isnull=False).count() < Card.objects.count()


def test_every_balance_is_the_sum_of_its_movements(filled):
    sums = Card.objects.annotate(total=Coalesce(Sum("movements__stamps"), 0))
    assert not sums.exclude(total=F("balance")).exists()
    assert sums.filter(balance__gt=0).count() > 50


def test_rewards_ready_are_those_not_redeemed(filled):
    ready = Count("rewards", filter=Q(rewards__redemption=None, rewards__taken_back_at=None))
    assert not Card.objects.annotate(ready=ready).exclude(ready=F("rewards_ready")).exists()
    assert Redemption.objects.exists()
    assert Reward.objects.filter(redemption=None).exists()


def test_visits_are_stamps_that_stand(filled):
    stands = Q(card__movements__kind="earn", card__movements__undone_by=None)
    counted = Contact.objects.annotate(stamps=Count("card__movements", filter=stands))
    assert not counted.exclude(stamps=F("visits")).exists()
    assert Movement.objects.filter(kind="undo").exists()


def test_the_last_line_of_the_ledger_is_what_the_contact_says(filled):
    last: dict[tuple[int, str], str] = defaultdict(lambda: ConsentState.NONE)
    for event in ConsentEvent.objects.order_by("at", "pk"):
        last[event.contact_id, event.channel] = event.state
    for contact in Contact.objects.all():
        for channel in names():
            assert contact.consent(channel) == last[contact.pk, channel]
    assert Opposition.objects.exists()


def test_the_cafe_writes_by_whatsapp_and_the_wine_merchant_does_not(filled):
    assert not Template.objects.exists()
    with in_schema(Shop.objects.get(slug="cafe").schema_name):
        assert Template.objects.filter(review="approved").exists()
        assert Contact.objects.reachable_by("whatsapp").exists()


def test_the_shop_is_alive_now_and_nothing_lies_ahead(filled, now):
    stamps = Movement.objects.filter(kind="earn")
    assert stamps.filter(at__gt=now - timedelta(days=7)).count() >= 10
    assert stamps.filter(at__lt=now - timedelta(days=600)).exists()
    assert not stamps.filter(at__gt=now).exists()
    assert not Contact.objects.filter(last_visit_at__lt=F("created_at")).exists()


def test_people_are_of_every_kind(filled):
    kinds = Contact.objects.aggregate(
        landline=Count("pk", filter=Q(phone_mobile=False) & ~Q(phone="")),
        overseas=Count("pk", filter=~Q(phone_region__in=["", "FR"])),
        mail_alone=Count("pk", filter=Q(phone="") & ~Q(email="")),
        accents=Count("pk", filter=Q(first_name__regex="[éèêëàâôûùïçÉ]")),
        found=Count("pk", filter=~Q(search="")),
        tagged=Count("pk", filter=Q(tags__name="bulles")),
    )
    assert all(kinds.values()), kinds
    assert not Contact.objects.filter(phone_mobile=False, sms_consent="granted").exists()


def test_past_drops_show_every_end_of_a_message(filled):
    assert Drop.objects.filter(state=State.DONE).count() == len(CAVE.drops) + len(CAVE.sales)
    assert Drop.objects.filter(state=State.DRAFT).count() == 1
    ends = set(Message.objects.values_list("status", flat=True))
    assert {Status.DELIVERED, Status.SENT, Status.FAILED, Status.CANCELLED} <= ends
    assert not ends & {Status.QUEUED, Status.SENDING}
    assert Attempt.objects.count() == Message.objects.filter(tries=1).count()
    for drop in Drop.objects.filter(state=State.DONE):
        held = drop.sends.filter(held_out=True).count()
        assert Message.objects.filter(cause=drop.cause).count() == drop.audience_size - held
        assert bool(held) == bool(drop.hold_out)


def test_one_sale_is_over_one_is_sold_out_with_a_line_and_one_goes_on(filled):
    over, out, live = Lot.objects.order_by("pk")
    assert over.settled_at
    assert over.bookings.filter(state="fetched").exists()
    assert (out.taken, out.quantity) == (4, 4)
    assert out.bookings.in_line().exists()
    assert live.former_cents == 1190
    assert 0 < live.taken < live.quantity
    for lot in (over, out, live):
        assert not lot.bookings.filter(at__gt=timezone.now()).exists()
    assert "{réserver}" not in Message.objects.filter(cause=live.drop.cause).first().body


def test_invoices_are_paid_late_credited_and_closed_in_a_chain_that_holds(filled):
    bills = Invoice.objects.with_balance()
    assert bills.filter(type="invoice").count() == 10
    assert bills.filter(type="credit").count() == 1
    assert {bill.owed > 0 for bill in bills.exclude(type="credit")} == {True, False}
    assert bills.overdue(timezone.localdate()).exists()
    assert Closure.objects.filter(period="month").exists()
    assert Draft.objects.count() == 1
    proof = prove_chain()
    assert proof.broken is None
    assert proof.records > 20


def test_a_second_time_changes_nothing(filled, now):
    before = Contact.objects.count(), Movement.objects.count(), User.objects.count()
    filling.fill(lambda line: None, now)
    assert before == (Contact.objects.count(), Movement.objects.count(), User.objects.count())


def test_the_team_can_sign_in(filled):
    owner = User.objects.get(email="claire@exemple.fr")
    assert owner.emailaddress_set.get().verified
    assert User.objects.get(is_staff=True).authenticator_set.filter(type="totp").exists()
    with across_shops():
        assert Membership.objects.exists()
        assert not Membership.objects.filter(user__is_staff=True).exists()


def test_the_demonstration_never_enters_production(settings):
    settings.LOCAL = False
    with pytest.raises(CommandError):
        call_command("fill_demo")


def test_some_customers_have_answered_and_the_shop_has_work_left(filled):
    assert Reply.objects.filter(read_at=None).exists()
    answered = Message.objects.filter(cause__startswith="answer:")
    assert answered.exists()
    assert not answered.filter(contact__replies=None).exists()
    assert Reply.objects.filter(contact=None).exists()


def test_what_was_typed_with_a_stamp_is_a_purchase_and_an_undone_one_is_cancelled(filled):
    stamps = Movement.objects.filter(kind="earn").exclude(amount_cents=None)
    typed = Purchase.objects.filter(source="counter", lines=None)  # what is handed over has lines
    assert typed.count() == stamps.count()
    assert typed.filter(cancelled_at=None).count() == stamps.filter(undone_by=None).count()


def test_the_lines_of_every_ticket_make_its_total(filled):
    told = Purchase.objects.filter(source="till").annotate(sum=Sum("lines__amount_cents"))
    assert told.count() > 50
    assert not told.exclude(sum=F("amount_cents")).exists()


def test_the_shelves_hold_what_was_delivered_and_every_price_has_its_beginning(filled):
    moved = Coalesce(Sum("moves__units"), 0)
    assert not Variant.objects.annotate(moved=moved).exclude(moved=F("on_hand")).exists()
    assert not Variant.objects.filter(prices=None).exists()
    assert {"wine", "sparkling", "food"} <= set(Product.objects.values_list("kind", flat=True))
    assert Variant.objects.filter(is_counted=True, on_hand=0).exists()


def test_people_come_back_to_what_they_like(filled):
    regulars = Contact.objects.order_by("-visits", "pk")[:10]
    assert sum(bool(tastes(person)) for person in regulars) >= 8
