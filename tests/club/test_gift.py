"""A gift: paid once by one, opened once by another, over by itself."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.club import member_page
from apps.club.models import Member, Period, State
from apps.club.services import giving, leaving, waiting
from apps.club.services.joining import Gift, Minor
from apps.invoicing.models import Invoice, Type
from apps.messaging.models import Message
from tests.payments.conftest import SEPA

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]
FOR_NOUR = Gift(3, "Nour", "Joyeux anniversaire !")


@pytest.fixture
def gift(make_plan, join):
    return join(make_plan(), "camille", gift=FOR_NOUR, handover="shipping")


def test_it_is_paid_once_and_invoiced_to_who_gives(gift, stripe, account):
    assert (gift.state, gift.giver.email) == (State.GIVEN, "camille@exemple.fr")
    assert not stripe.books.all("subscription", account.account_id)
    invoice = Invoice.objects.get()
    assert (invoice.total_cents, invoice.buyer) == (12_000, "Camille Martin")
    assert {period.invoice_id for period in Period.objects.all()} == {invoice.pk}
    assert f"/club/cadeau/{gift.token}/" in Message.objects.get().body


def test_who_opens_it_gets_it_at_home_from_that_day_on(gift, visitor, a_wish, run_jobs):
    page = visitor.get(f"/club/cadeau/{gift.token}/").text
    assert "Joyeux anniversaire" in page
    form = {
        "key": "6b1b54a5-0000-4000-8000-0123456789ab",
        "first_name": "Nour",
        "last_name": "Haddad",
        "email": "nour@exemple.fr",
        "street": "8 place d’Armes",
        "postal_code": "57000",
        "city": "Metz",
        "adult": "on",
    }
    answer = visitor.post(f"/club/cadeau/{gift.token}/", form)
    opened = Member.objects.get()
    assert answer["Location"] == f"/club/merci/{opened.token}/"
    assert opened.token != gift.token
    assert (opened.state, opened.contact.email, opened.street) == (
        State.ACTIVE,
        "nour@exemple.fr",
        "8 place d’Armes",
    )
    starts = list(Period.objects.order_by("part").values_list("starts", flat=True))
    assert starts[0] == timezone.localdate()
    assert len(set(starts)) == 3
    assert "déjà ouvert" in visitor.get(f"/club/cadeau/{opened.token}/").text


def test_it_ends_by_itself(gift, a_wish, shop):
    now = timezone.now()
    opened = giving.open_gift(gift, a_wish("nour"), shop=shop, now=now)
    waiting.look(opened.ends_at - timedelta(hours=1))
    assert Member.objects.get().state == State.ACTIVE
    waiting.look(opened.ends_at)
    assert Member.objects.get().state == State.ENDED


def test_opened_twice_it_is_one_persons(gift, a_wish, shop):
    giving.open_gift(gift, a_wish("nour"), shop=shop, now=timezone.now())
    with pytest.raises(giving.GiftOpened):
        giving.open_gift(gift, a_wish("lea"), shop=shop, now=timezone.now())


def test_no_alcohol_is_given_to_a_child(gift, a_wish, shop):
    young = a_wish("nour", birth_date=timezone.localdate() - timedelta(days=17 * 365))
    with pytest.raises(Minor):
        giving.open_gift(gift, young, shop=shop, now=timezone.now())


def test_who_gave_it_renounces_and_it_is_over(gift, stripe, account, run_jobs):
    word = {"key": uuid4(), "name": "Camille Martin", "email": "camille@exemple.fr"}
    leaving.renounce(gift, **word, now=timezone.now())
    run_jobs()
    gift.refresh_from_db()
    assert gift.state == State.ENDED
    assert [one["amount"] for one in stripe.books.all("refund", account.account_id)] == [12_000]
    assert Invoice.objects.filter(type=Type.CREDIT).get().total_cents == -12_000


def test_its_invoice_is_the_givers_alone(gift, a_wish, shop):
    """Their name and address, and what it cost, are not for who opens it."""
    number = Invoice.objects.get().number
    assert member_page.shown(gift, shop)["periods"]
    opened = giving.open_gift(gift, a_wish("nour"), shop=shop, now=timezone.now())
    assert member_page.paper_of(opened, number) is None
    shown = member_page.shown(opened, shop)
    assert not shown["periods"]
    assert not shown["may_renounce"]


def test_a_debit_keeps_the_place_until_it_has_gone_through(make_plan, join, stripe, told, later):
    member = join(make_plan(places=1), gift=FOR_NOUR, number=SEPA)
    assert member.state == State.JOINING
    waiting.look(later(days=2))
    member.refresh_from_db()
    assert member.state == State.JOINING
    stripe.advance(6)
    told()
    member.refresh_from_db()
    assert member.state == State.GIVEN
