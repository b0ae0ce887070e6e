"""Many tills at once: numbers without a hole and without a double, also when half roll back."""

from uuid import uuid4

from django.db import transaction

from apps.core.refusal import Refusal
from apps.invoicing.models import Invoice, Record
from apps.invoicing.services import issue, save_draft
from apps.invoicing.verifying import prove_chain
from tests.invoicing.writing import NOON, OWNER, bottles, issued, paid, words

AT_ONCE, EACH = 8, 25  # two hundred issues; a thousand in the bench


class Rollback(Exception):
    pass


def _numbers(_):
    return list(Invoice.objects.order_by("record_id").values_list("number", flat=True))


def test_two_hundred_issues_at_once_of_which_half_roll_back(tills):
    def till(_):
        kept = 0
        for turn in range(EACH):
            try:
                with transaction.atomic():
                    issued()
                    if turn % 2:
                        raise Rollback
                kept += 1
            except Rollback:
                continue
        return kept

    kept = sum(tills(till, *range(AT_ONCE)))
    (numbers,) = tills(_numbers, None)
    assert numbers == [f"F2026-{place:05d}" for place in range(1, kept + 1)]
    (proof,) = tills(lambda _: prove_chain(), None)
    assert proof.broken is None
    assert proof.records == kept


def test_one_draft_issued_by_eight_hands_is_one_invoice(tills):
    (draft,) = tills(lambda _: save_draft(words(), now=NOON), None)
    made = tills(lambda _: issue(draft, by=OWNER, now=NOON), *range(AT_ONCE))
    assert {invoice.number for invoice in made} == {"F2026-00001"}
    assert tills(lambda _: Record.objects.count(), None) == [1]


def test_eight_payments_at_once_never_pay_too_much(tills):
    (invoice,) = tills(lambda _: issued(bottles(3)), None)
    done = tills(lambda _: paid(invoice, 1200, token=uuid4()), *range(AT_ONCE))
    assert sum(not isinstance(one, Refusal) for one in done) == 3
    (proof,) = tills(lambda _: prove_chain(), None)
    assert (proof.records, proof.broken) == (4, None)
