"""What was paid, given back, credited: every line adds up, whatever the order and the slips."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.refusal import Refusal
from apps.invoicing.models import Invoice, Payment
from apps.invoicing.services import (
    AlreadyReversed,
    NothingToCredit,
    NothingToGiveBack,
    NotYetPaid,
    WrongAmount,
    credit,
    reverse,
)
from apps.invoicing.verifying import prove_chain
from tests.invoicing.writing import HOTEL, NOON, OWNER, bottles, issued, paid


def owed(invoice):
    return Invoice.objects.with_balance().get(pk=invoice.pk).owed


def take_back(invoice, quantities, *, token=None, reason="Casse"):
    gesture = {"reason": reason, "token": token or uuid4(), "by": OWNER, "now": NOON}
    return credit(invoice, quantities, **gesture)


def test_what_is_paid_is_no_longer_owed(seller):
    invoice = issued(bottles(3))
    paid(invoice, 1000)
    assert owed(invoice) == 2600
    paid(invoice, 2600)
    assert owed(invoice) == 0
    assert list(Invoice.objects.unpaid()) == []


def test_the_same_gesture_counts_once(seller):
    invoice, token = issued(bottles(3)), uuid4()
    assert paid(invoice, 1000, token=token) == paid(invoice, 1000, token=token)
    assert owed(invoice) == 2600


@pytest.mark.parametrize("cents", [0, 1201])
def test_nobody_pays_nothing_or_too_much(seller, cents):
    with pytest.raises(WrongAmount):
        paid(issued(), cents)


def test_nobody_gives_back_what_never_came(seller):
    with pytest.raises(NothingToGiveBack):
        paid(issued(), -1)


def test_a_payment_of_tomorrow_is_not_noted_today(seller):
    invoice = issued()
    with pytest.raises(NotYetPaid):
        paid(invoice, 1200, on=invoice.issued_on + timedelta(days=1))


def test_a_payment_is_taken_back_once_and_both_lines_stay(seller):
    invoice = issued()
    payment = paid(invoice, 1200)
    reversal = reverse(payment, by=OWNER, now=NOON)
    assert owed(invoice) == 1200
    assert reversal.amount_cents == -1200
    for again in (payment, reversal):
        with pytest.raises(AlreadyReversed):
            reverse(again, by=OWNER, now=NOON)
    assert Payment.objects.count() == 2


def test_a_credit_note_of_all_makes_the_invoice_nothing(seller):
    invoice = issued(bottles(3, 1490), bottles(1, 333, vat=550), buyer=HOTEL)
    note = take_back(invoice, {0: 3000, 1: 1000})
    assert note.number == "A2026-00001"
    assert note.total_cents == -invoice.total_cents
    assert note.vat_cents == -invoice.vat_cents
    assert note.record.facts["corrects"] == {"number": "F2026-00001", "on": "2026-11-20"}
    assert note.record.facts["reason"] == "Casse"
    assert owed(invoice) == 0


def test_a_credit_after_the_payment_is_money_to_give_back(seller):
    invoice = issued(bottles(2))
    paid(invoice, 2400)
    take_back(invoice, {0: 1000})
    assert owed(invoice) == -1200
    paid(invoice, -1200)
    assert owed(invoice) == 0


@pytest.mark.parametrize("asked", [{}, {0: 0}, {0: 4000}, {1: 1000}, {0: -1000}])
def test_a_credit_note_never_takes_back_what_was_not_sold(seller, asked):
    with pytest.raises(NothingToCredit):
        take_back(issued(bottles(3)), asked)


def test_two_credit_notes_never_take_back_the_same_bottle(seller):
    invoice, token = issued(bottles(3)), uuid4()
    first = take_back(invoice, {0: 2000}, token=token)
    assert take_back(invoice, {0: 2000}, token=token) == first
    with pytest.raises(NothingToCredit):
        take_back(invoice, {0: 2000})
    assert take_back(invoice, {0: 1000}).total_cents == -1200


CENTS = st.integers(1, 9_999)
LINES = st.lists(
    st.builds(
        bottles,
        units=st.integers(1, 7),
        cents=CENTS,
        vat=st.sampled_from([2000, 1000, 550]),
        discount_share=st.sampled_from([0, 0, 333, 1000]),
    ),
    min_size=1,
    max_size=4,
)
STEP = st.one_of(
    st.tuples(st.just("pay"), st.integers(-20_000, 20_000)),
    st.tuples(st.just("credit"), st.integers(0, 3), st.integers(1, 4)),
    st.tuples(st.just("reverse"), st.integers(0, 3)),
)


def _step(invoice, step):
    payments = list(invoice.payments.order_by("pk"))
    if step[0] == "pay":
        paid(invoice, step[1])
    elif step[0] == "credit":
        take_back(invoice, {step[1]: step[2] * 1000})
    elif payments:
        reverse(payments[step[1] % len(payments)], by=OWNER, now=NOON)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, taxed=st.booleans(), steps=st.lists(STEP, max_size=8))
def test_any_history_of_an_invoice_keeps_its_sums(seller, lines, taxed, steps):
    invoice = issued(*lines, taxed=taxed)
    refused = 0
    for step in steps:
        try:
            _step(invoice, step)
        except Refusal:
            refused += 1
    held = Invoice.objects.with_balance().get(pk=invoice.pk)
    assert -held.total_cents <= held.credited <= 0
    assert held.paid == sum(held.payments.values_list("amount_cents", flat=True))
    assert held.owed == held.total_cents + held.credited - held.paid
    for note in held.corrections.all():
        facts = note.record.facts
        assert facts["total_cents"] == facts["net_cents"] + facts["vat_cents"] == -note.total_cents
        assert facts["net_cents"] == sum(line["net_cents"] for line in facts["lines"])
        assert all(base["net_cents"] >= 0 <= base["vat_cents"] for base in facts["bases"])
    assert prove_chain().broken is None
