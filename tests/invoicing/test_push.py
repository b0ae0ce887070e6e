"""What is sealed leaves for the bookkeeper: once, in its order, and who refuses says why."""

import logging
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.audit.models import Entry
from apps.core.refusal import Refusal
from apps.core.tenancy import in_schema
from apps.invoicing import bookkeeping
from apps.invoicing.access import Tokens
from apps.invoicing.delivering import take_in
from apps.invoicing.models import Method, Paper
from apps.invoicing.push_models import Bookkeeper, Delivery, Standing
from apps.invoicing.resting import rest
from apps.invoicing.services import reverse
from apps.invoicing.tasks import look_at_deliveries
from tests.invoicing.pushing import PDF, YEAR, connect, granted, print_papers, send, states
from tests.invoicing.test_money import take_back
from tests.invoicing.writing import HOTEL, NOON, OWNER, bottles, issued, paid
from tests.peers.bookkeeping.pennylane import SECRET

HOUR = timedelta(hours=1)


def a_sale_taken_back_in_part():
    bill = issued(bottles(3, 1490), bottles(1, 550, vat=550), buyer=HOTEL)
    note = take_back(bill, {0: 1000})
    payment = paid(bill, 3530, method=Method.TRANSFER)
    return bill, note, payment


def test_lexware_has_the_customer_the_invoice_its_credit_note_and_the_payment(seller, lexware):
    bill, note, payment = a_sale_taken_back_in_part()
    connect("lexware")
    send()
    assert set(states().values()) == {"sent"}
    assert list(states()) == ["S552100554", bill.number, note.number, f"P{payment.pk}"]
    (contact,) = lexware.contacts.values()
    assert contact["company"]["name"] == HOTEL.name
    assert contact["addresses"]["billing"][0]["zip"] == "21200"
    sale, back = lexware.vouchers.values()
    assert (sale["type"], back["type"]) == ("salesinvoice", "salescreditnote")
    assert sale["voucherNumber"] == bill.number
    assert sale["contactId"] == back["contactId"] == contact["id"]
    assert sale["totalGrossAmount"] == 50.2
    assert [item["taxRatePercent"] for item in sale["voucherItems"]] == [20.0, 5.5]
    assert sale["remark"] == f"P{payment.pk} réglé le 20/11/2026 : 35,30\xa0€ (Virement)"
    assert back["remark"].startswith(f"Corrige {bill.number}")
    assert list(lexware.files.values()) == [PDF, PDF]


def test_pennylane_has_them_too(seller, pennylane):
    bill, note, _payment = a_sale_taken_back_in_part()
    connect("pennylane", granted(pennylane))
    send()
    assert set(states().values()) == {"sent"}
    (customer,) = pennylane.customers.values()
    assert customer["reg_no"] == HOTEL.siren
    sale, back = pennylane.invoices.values()
    assert (sale["invoice_number"], back["invoice_number"]) == (bill.number, note.number)
    assert (sale["currency_amount"], back["currency_amount"]) == ("50.20", "-14.90")
    assert back["credited_invoice_id"] == sale["id"]
    assert [line["vat_rate"] for line in sale["invoice_lines"]] == ["FR_200", "FR_55"]
    assert sale["paid"]


def test_only_what_was_sealed_from_the_day_the_owner_chose_leaves(seller, lexware):
    old = issued(at=NOON - timedelta(days=40))
    paid(old, 1200)
    new = issued()
    connect("lexware", since=date(2026, 11, 1))
    send()
    assert list(states()) == ["CDIVERS", new.number]


@pytest.mark.parametrize("begins", ["POST /v1/contacts", "POST /v1/vouchers", "PUT /v1/vouchers"])
def test_an_answer_that_never_came_is_asked_for_before_anything_is_sent_again(
    seller, lexware, begins
):
    a_sale_taken_back_in_part()
    connect("lexware")
    lexware.lose_answer(begins)
    send()
    assert "unknown" in states().values()
    asked = len(lexware.peer.calls)
    send(NOON + timedelta(seconds=30))  # it may still be under way there
    assert len(lexware.peer.calls) == asked
    send(NOON + HOUR)
    assert set(states().values()) == {"sent"}
    assert len(lexware.posts("/v1/contacts")) == 1
    assert len(lexware.posts("/v1/vouchers")) == 2
    sale, _back = lexware.vouchers.values()
    assert sale["remark"].count("réglé") == 1
    assert [len(one["files"]) for one in lexware.vouchers.values()] == [1, 1]


@pytest.mark.parametrize(
    "begins", ["individual_customers", "file_attachments", "customer_invoices/import"]
)
def test_pennylane_is_asked_before_too(seller, pennylane, begins):
    issued(buyer=HOTEL)
    connect("pennylane", granted(pennylane))
    pennylane.lose_answer(f"POST /api/external/v2/{begins}".replace("individual", "company"))
    send()
    assert "unknown" in states().values()
    send(NOON + HOUR)
    assert set(states().values()) == {"sent"}
    assert len(pennylane.customers) == len(pennylane.invoices) == 1


def test_a_server_that_is_down_is_no_refusal(seller, lexware):
    issued()
    connect("lexware")
    lexware.fail("POST /v1/vouchers", 503)
    send()
    assert list(states().values()) == ["sent", "unknown"]
    send(NOON + HOUR)
    assert list(states().values()) == ["sent", "sent"]
    assert len(lexware.vouchers) == 1


def test_a_refusal_says_why_and_what_hangs_on_it_waits(seller, lexware, run_jobs):
    bill, _note, _payment = a_sale_taken_back_in_part()
    connect("lexware")
    details = [{"violation": "X", "field": "voucherItems[0].taxRatePercent", "message": "ungültig"}]
    lexware.fail("POST /v1/vouchers", 406, {"message": "…", "details": details})
    send()
    refused = Delivery.objects.get(reference=bill.number)
    assert refused.reason == "Lexware ne prend pas : un taux de TVA."
    assert list(states().values()) == ["sent", "refused", "queued", "queued"]
    assert bookkeeping.retry(pk=refused.pk, by=OWNER, now=NOON) == 1
    send()
    assert set(states().values()) == {"sent"}


@pytest.mark.parametrize("said", [["nein"], "nein", {"details": ["nein"]}])
def test_a_refusal_that_says_nothing_readable_is_one_all_the_same(seller, lexware, said):
    issued()
    connect("lexware")
    lexware.fail("POST /v1/vouchers", 400, said)
    send()
    (refused,) = Delivery.objects.filter(state="refused")
    assert refused.reason == "Lexware ne prend pas cette pièce, sans dire pourquoi."


def test_a_file_that_is_gone_holds_up_nothing_else(seller, lexware):
    gone, other = issued(), issued()
    print_papers()
    Paper.objects.filter(invoice=gone).update(file="cave/perdu.pdf")
    connect("lexware")
    send()
    assert states()[gone.number] == "refused"
    assert states()[other.number] == "sent"


def test_who_is_down_for_weeks_is_still_asked(seller, lexware):
    issued()
    connect("lexware")
    take_in(Bookkeeper.objects.get(), NOON)
    Delivery.objects.update(tries=32_767)  # as many as the column holds
    send()
    assert set(states().values()) == {"sent"}


def test_a_piece_whose_worker_died_lets_the_others_pass(seller, lexware):
    """It may have been what killed it."""
    deadly, other = issued(), issued()
    connect("lexware")
    take_in(Bookkeeper.objects.get(), NOON)
    held = {"state": "sending", "claimed_at": NOON - HOUR, "tries": 1}
    Delivery.objects.filter(reference=deadly.number).update(**held)
    send()
    assert (states()[deadly.number], states()[other.number]) == ("unknown", "sent")
    send(NOON + HOUR)
    assert set(states().values()) == {"sent"}


def test_a_customer_who_moved_is_told_anew_with_the_version_that_is_known(seller, lexware):
    issued(buyer=HOTEL)
    connect("lexware")
    send()
    (contact,) = lexware.contacts.values()
    contact["version"] = 7  # the accountant wrote there meanwhile
    moved = replace(HOTEL, address=replace(HOTEL.address, street="2 rue Neuve"))
    issued(buyer=moved)
    send()
    assert set(states().values()) == {"sent"}
    (contact,) = lexware.contacts.values()
    assert contact["addresses"]["billing"][0]["street"] == "2 rue Neuve"
    assert contact["version"] == 8


def test_a_key_that_is_wrong_changes_nothing(seller, lexware):
    lexware.tokens.clear()
    with pytest.raises(Refusal) as refused:
        connect("lexware")
    assert "ne reconnaît pas cet accès" in str(refused.value)
    assert not Bookkeeper.objects.exists()


def test_a_key_that_was_taken_away_stops_everything_and_loses_nothing(seller, lexware):
    issued()
    connect("lexware")
    lexware.tokens.clear()
    send()
    assert Bookkeeper.objects.get().standing == Standing.SHUT
    lexware.tokens.add("lxw-neuve")
    connect("lexware", Tokens("lxw-neuve"))
    send()
    assert set(states().values()) == {"sent"}


def test_whoever_leaves_and_comes_back_sends_nothing_twice(seller, lexware):
    issued()
    connect("lexware")
    send()
    bookkeeping.leave(shop=seller, by=OWNER)
    issued()
    send()
    assert len(lexware.vouchers) == 1
    connect("lexware", since=YEAR)
    send()
    assert len(lexware.vouchers) == 2
    assert len(lexware.posts("/v1/vouchers")) == 2


def test_two_bookkeepers_at_a_time_are_one_too_many(seller, lexware, pennylane):
    connect("lexware")
    with pytest.raises(Refusal) as refused:
        connect("pennylane", granted(pennylane))
    assert "déjà chez Lexware Office" in str(refused.value)


def test_paused_nothing_leaves(seller, lexware):
    issued()
    connect("lexware")
    bookkeeping.pause(by=OWNER)
    send()
    assert not lexware.vouchers
    bookkeeping.resume(by=OWNER, now=NOON)
    send()
    assert len(lexware.vouchers) == 1


def test_a_payment_the_bank_has_seen_is_matched_with_its_line(seller, pennylane):
    bill = issued(bottles(3))
    payment = paid(bill, 1200, method=Method.TRANSFER)
    line = {"id": 77, "date": "2026-11-23", "amount": "12.00", "label": f"VIR {bill.number} DUPONT"}
    other = {**line, "id": 78, "label": "VIR LOYER"}
    pennylane.transactions += [other, line]
    connect("pennylane", granted(pennylane))
    send()
    (invoice,) = pennylane.invoices
    assert pennylane.matched == {invoice: [77]}
    assert Delivery.objects.get(reference=f"P{payment.pk}").external_id == "77"


def test_a_part_payment_waits_for_the_rest_and_a_wrong_one_is_theirs_to_undo(seller, pennylane):
    bill = issued(bottles(2))
    part = paid(bill, 1200)
    connect("pennylane", granted(pennylane))
    send()
    (invoice,) = pennylane.invoices.values()
    assert not invoice["paid"]
    paid(bill, 1200)
    send()
    assert invoice["paid"]
    back = reverse(part, by=OWNER, now=NOON)
    send()
    refused = Delivery.objects.get(reference=f"P{back.pk}")
    assert "ne défait pas un paiement" in refused.reason


def test_a_number_that_somebody_else_took_over_there_is_a_refusal(seller, pennylane):
    bill = issued()
    theirs = {"id": 1, "invoice_number": bill.number, "external_reference": "autre-logiciel"}
    pennylane.invoices[1] = theirs
    connect("pennylane", granted(pennylane))
    send()
    reason = Delivery.objects.get(reference=bill.number).reason
    assert reason == "Pennylane a déjà une pièce de ce numéro, qui n’est pas la nôtre."


def test_what_is_sealed_wakes_the_worker_by_itself(seller, lexware, run_jobs):
    connect("lexware")
    send(timezone.now())
    issued()
    print_papers()
    OrmQ.objects.all().delete()
    with in_schema("public"):
        look_at_deliveries()
    run_jobs()
    assert set(states().values()) == {"sent"}


def test_a_shop_that_was_restored_asks_for_each_piece_before_it_sends_it(seller, lexware):
    bill = issued()
    connect("lexware")
    send()
    # The backup is older than what was sent.
    Delivery.objects.update(state="queued", tries=0, external_id="", done_at=None)
    rest("default", is_copy=False)
    assert Bookkeeper.objects.get().standing == Standing.PAUSED
    issued()
    bookkeeping.resume(by=OWNER, now=NOON)
    send()
    assert set(states().values()) == {"sent"}
    numbers = [one["voucherNumber"] for one in lexware.vouchers.values()]
    assert sorted(numbers) == sorted(set(numbers))
    assert bill.number in numbers


def test_no_key_and_no_name_is_in_a_log_or_in_the_trail(seller, pennylane, caplog):
    caplog.set_level(logging.DEBUG)
    tokens = granted(pennylane)
    connect("pennylane", tokens)
    issued(buyer=HOTEL)
    pennylane.lose_answer("POST /api/external/v2/customer_invoices/import")
    pennylane.tokens.clear()
    send()
    send(NOON + HOUR)
    pennylane.withdraw()
    issued(buyer=HOTEL)
    send(NOON + 2 * HOUR)
    told = caplog.text + "".join(str(one.__dict__) for one in caplog.records)
    told += "".join(str(one) for one in Entry.objects.values_list("before", "after"))
    told += repr(tokens)
    for secret in (tokens.access, tokens.refresh, "access-", "refresh-", SECRET, HOTEL.name):
        assert secret not in told
