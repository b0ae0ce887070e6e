"""A customer's subscription on the shop's account, changed at the customer's word: rested, ended,
paid by another means, at another price; and an invoice that could not be taken.

Each act goes to Stripe under a key of its own and is read back from it; nothing is noted here.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from apps.payments import mirror, selling
from apps.payments.models import ShopAccount
from apps.payments.providers import stripe

CARD_GONE = frozenset(
    {
        *("expired_card", "lost_card", "stolen_card", "pickup_card", "restricted_card"),
        *("invalid_account", "incorrect_number", "card_not_supported", "new_account_information"),
        *("revocation_of_authorization", "revocation_of_all_authorizations"),
    }
)  # what no other try changes: Stripe's words
CONFIRM = "authentication_required"
FAILED = ("requires_payment_method", "requires_action", "canceled")
DEBIT = "sepa_debit"
_PAGE = re.compile(r"cs_\w+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Change:
    """Whose subscription, and the act's own name: the same again is one act for Stripe."""

    account: ShopAccount
    customer: str
    subscription: str
    once: str


def _write(change: Change, **words: object) -> None:
    stripe.write(
        f"subscriptions/{change.subscription}",
        f"change:{change.once}",
        on=change.account.account_id,
        **words,
    )
    selling.refresh(change.account, change.customer)


def rest(change: Change, until: datetime) -> None:
    """Nothing is asked for until that moment; then it goes on by itself."""
    pause = {"behavior": "void", "resumes_at": int(until.timestamp())}
    _write(change, pause_collection=pause)


def resume(change: Change) -> None:
    _write(change, pause_collection="")


def end_at(change: Change, moment: datetime, *, is_period_end: bool) -> None:
    """It ends then; nothing is given back of a period that has begun."""
    if is_period_end:
        _write(change, cancel_at_period_end=True)
    else:
        _write(change, cancel_at=int(moment.timestamp()), proration_behavior="none")


def go_on(change: Change, *, is_period_end: bool) -> None:
    """It does not end after all."""
    if is_period_end:
        _write(change, cancel_at_period_end=False)
    else:
        _write(change, cancel_at="")


def end_now(change: Change) -> None:
    """At once. Twice is once."""
    stripe.end(f"subscriptions/{change.subscription}", on=change.account.account_id)
    selling.refresh(change.account, change.customer)


def reprice(change: Change, sold: selling.Sold) -> None:
    """Another price from the next period on, in the place of what it bought until now."""
    items = _kept(change.customer, change.subscription)["items"]
    item = next(one["id"] for one in items if selling.name_of(one["price"]) == sold.name)
    price = selling.price_of(change.account, sold)
    _write(change, items=[{"id": item, "price": price}], proration_behavior="none")


def bring(change: Change, sold: selling.Sold) -> None:
    """What is sold beside the rest, from the next period on; at no price, it is sold no more."""
    items = _kept(change.customer, change.subscription)["items"]
    ours = [one["id"] for one in items if selling.name_of(one["price"]) == sold.name]
    item = ours[0] if ours else None
    wanted: dict[str, object] = {"id": item} if item else {}
    wanted |= {"price": selling.price_of(change.account, sold)} if sold.cents else {"deleted": True}
    if item or sold.cents:
        _write(change, items=[wanted], proration_behavior="none")


@dataclass(frozen=True, slots=True)
class Stand:
    """How a subscription is paid, and until when it rests, as it was read last."""

    pays_by: dict[str, str]
    rests_until: datetime | None


def stand(customer: str, subscription: str) -> Stand:
    """Standing in the shop's schema."""
    kept = _kept(customer, subscription)
    rests = (kept.get("pause_collection") or {}).get("resumes_at")
    return Stand(kept.get("pays_by") or {}, mirror.moment(rests and int(rests)))


def _kept(customer: str, subscription: str) -> stripe.Thing:
    kept = selling.kept(customer).subscriptions if customer else []
    return next((one for one in kept if one["id"] == subscription), {})


# --- another means of payment --------------------------------------------------------------


def means_page(change: Change, *, language: str, back_url: str) -> str:
    """Stripe's page that keeps a card or an account to debit; see ``use_means``."""
    debit = [DEBIT] if change.account.takes_debits else []
    made = stripe.write(
        "checkout/sessions",
        f"means:{change.once}",
        on=change.account.account_id,
        mode="setup",
        currency=selling.CURRENCY,
        customer=change.customer,
        payment_method_types=["card", *debit],
        metadata={"subscription": change.subscription},
        locale=language,
        success_url=f"{back_url}?moyen={{CHECKOUT_SESSION_ID}}",
        cancel_url=back_url,
    )
    return str(made["url"])


def use_means(change: Change, page: str) -> bool:
    """What was kept on that page pays from now on, and first what is owed. False when the page is
    another's, or was left. The same page again changes nothing more."""
    on = change.account.account_id
    if not _PAGE.fullmatch(page):
        return False
    try:
        found = stripe.read(f"checkout/sessions/{page}", on=on, expand=["setup_intent"])
    except stripe.Gone:
        return False
    is_done = found["mode"] == "setup" and found["status"] == "complete"
    if not is_done or found["customer"] != change.customer:
        return False
    method = found["setup_intent"]["payment_method"]
    _write(change, default_payment_method=method)
    for invoice in selling.kept(change.customer).invoices:
        if invoice["status"] == "open":
            _pay(change.account, invoice["id"], method)
    selling.refresh(change.account, change.customer)
    return True


def _pay(account: ShopAccount, invoice: str, method: str) -> None:
    try:
        stripe.write(f"invoices/{invoice}/pay", f"pay:{invoice}:{method}", on=account.account_id)
    except stripe.StripeRefused:
        return  # why, it says when it is read again


# --- an invoice that could not be taken ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Owed:
    """An invoice of Stripe's, as it was read last: whether it is still to be paid, and why it
    could not be. ``cents`` is what is left, ``tries`` how many times it was asked for."""

    is_open: bool
    is_paid: bool
    cents: int
    tries: int
    retry_at: datetime | None
    code: str
    has_failed: bool
    to_confirm: bool
    is_debit: bool

    @property
    def is_hard(self) -> bool:
        return self.code in CARD_GONE


def owed(customer: str, invoice: str) -> Owed | None:
    """None for one that nothing is known of. Standing in the shop's schema."""
    held = selling.kept(customer)
    bill = next((one for one in held.invoices if one["id"] == invoice), None)
    if bill is None:
        return None
    tried = [one for one in held.intents if one["id"] in bill["intents"]]
    last = max(tried, key=lambda one: (one["created"], one["id"]), default=None) or {}
    why = last.get("failure") or {}
    return Owed(
        is_open=bill["status"] == "open",
        is_paid=bill["status"] == "paid",
        cents=bill["amount_due"] - bill["amount_paid"],
        tries=bill["attempt_count"],
        retry_at=mirror.moment(bill["next_payment_attempt"]),
        code=str(why.get("decline_code") or why.get("code") or "")[:40],
        has_failed=last.get("status") in FAILED,
        to_confirm=last.get("status") == "requires_action" or why.get("code") == CONFIRM,
        is_debit=why.get("by") == DEBIT,
    )


def pay_page(change: Change, invoice: str) -> str:
    """Stripe's own page of an invoice: paid by any means, or confirmed to the bank. What pays there
    pays from then on. Empty when nothing is to be paid any more."""
    on = change.account.account_id
    bill = stripe.read(f"invoices/{invoice}", on=on)
    if bill["status"] != "open":
        selling.refresh(change.account, change.customer)
        return ""
    stripe.write(
        f"subscriptions/{change.subscription}",
        f"saves:{invoice}",
        on=on,
        payment_settings={"save_default_payment_method": "on_subscription"},
    )
    return str(bill["hosted_invoice_url"])
