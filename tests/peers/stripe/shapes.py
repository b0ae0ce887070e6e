"""Stripe's objects as it answers them, with what we read of each and no more."""

from typing import Any

from tests.peers.stripe.books import PLATFORM, Books, Thing

MONTH = 30 * 86_400
# What the last signs of a card or an IBAN make of every payment, as with Stripe's test numbers.
FAILS = {
    "0341": "card_declined",
    "9995": "insufficient_funds",
    "9987": "lost_card",
    "0069": "expired_card",
    "3184": "authentication_required",
    "2607": "insufficient_funds",  # of a debit: days later
    "3000": "debit_disputed",
}
# Those that Stripe tells by a code of their own; the others are « card_declined », and why.
OWN_CODES = ("authentication_required", "debit_disputed", "expired_card")


def listed(data: list[Thing], url: str, has_more: bool = False) -> Thing:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _new(books: Books, kind: str, **fields: Any) -> Thing:
    asked = fields.pop("id", "") or books.new_id(kind)
    return {
        "id": asked,
        "object": kind,
        "created": books.now(),
        "livemode": False,
        "metadata": {},
        **fields,
    }


def platform(books: Books) -> Thing:
    return account(books, {"id": PLATFORM, "country": "FR"}) | {
        "charges_enabled": True,
        "payouts_enabled": True,
        "details_submitted": True,
    }


_ASKED = ["business_profile.url", "external_account", "individual.verification.document"]


def account(books: Books, said: Thing) -> Thing:
    made = _new(
        books,
        "account",
        id=said.get("id"),
        business_profile={"name": None, "url": None},
        business_type=said.get("business_type"),
        capabilities=dict.fromkeys(said.get("capabilities", ()), "inactive"),
        charges_enabled=False,
        controller=said.get("controller") or {"type": "account"},
        country=said.get("country", "FR"),
        default_currency="eur",
        details_submitted=False,
        email=said.get("email"),
        payouts_enabled=False,
        type=said.get("type", "none"),
    )
    made["metadata"] = said.get("metadata", {})
    made["requirements"] = requirements(list(_ASKED))
    del made["livemode"]
    return made


def requirements(asked: list[str], reason: str | None = "requirements.past_due") -> Thing:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": asked,
        "disabled_reason": reason if asked else None,
        "errors": [],
        "eventually_due": asked,
        "past_due": [],
        "pending_verification": [],
    }


def product(books: Books, said: Thing) -> Thing:
    return _new(
        books,
        "product",
        id=said.get("id"),
        active=True,
        name=said["name"],
        description=said.get("description"),
        images=[],
        type="service",
        updated=books.now(),
        url=None,
    ) | {"metadata": said.get("metadata", {})}


def price(books: Books, said: Thing) -> Thing:
    recurring = said.get("recurring", {})
    return _new(
        books,
        "price",
        active=True,
        billing_scheme="per_unit",
        currency=said["currency"],
        lookup_key=said.get("lookup_key"),
        nickname=said.get("nickname"),
        product=said["product"],
        recurring={
            "interval": recurring.get("interval", "month"),
            "interval_count": int(recurring.get("interval_count", 1)),
            "meter": None,
            "usage_type": "licensed",
            "trial_period_days": None,
        },
        tax_behavior=said.get("tax_behavior", "unspecified"),
        tiers_mode=None,
        type="recurring",
        unit_amount=int(said["unit_amount"]),
        unit_amount_decimal=said["unit_amount"],
    ) | {"metadata": said.get("metadata", {})}


def tax_rate(books: Books, said: Thing) -> Thing:
    return _new(
        books,
        "tax_rate",
        active=True,
        country=said.get("country"),
        description=None,
        display_name=said["display_name"],
        inclusive=said["inclusive"] == "true",
        jurisdiction=said.get("jurisdiction"),
        percentage=float(said["percentage"]),
        state=None,
        tax_type=said.get("tax_type"),
    ) | {"metadata": said.get("metadata", {})}


def customer(books: Books, said: Thing) -> Thing:
    return _new(
        books,
        "customer",
        balance=0,
        currency=None,
        default_source=None,
        delinquent=False,
        description=said.get("description"),
        email=said.get("email"),
        invoice_prefix=books.new_id("customer")[-8:].upper(),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        name=said.get("name"),
        next_invoice_sequence=1,
        phone=None,
        preferred_locales=["fr"],
        tax_exempt="none",
        test_clock=None,
    ) | {"metadata": said.get("metadata", {})}


def payment_method(books: Books, number: str, customer_id: str) -> Thing:
    """``number``: an IBAN makes a SEPA debit, anything else a card."""
    last4 = number.replace(" ", "")[-4:]
    is_sepa = number[:2].isalpha()
    kind = "sepa_debit" if is_sepa else "card"
    detail: Thing = {"last4": last4, "country": "FR", "fingerprint": f"fp{last4}"}
    if is_sepa:
        detail |= {"bank_code": "20041", "branch_code": "", "generated_from": None}
    else:
        detail |= {"brand": "visa", "exp_month": 8, "exp_year": 2030, "funding": "credit"}
    return _new(
        books,
        "payment_method",
        allow_redisplay="always",
        billing_details={"email": None, "name": None, "phone": None},
        customer=customer_id,
        type=kind,
        **{kind: detail},
    )


def checkout_session(books: Books, said: Thing) -> Thing:
    session = _new(
        books,
        "checkout.session",
        amount_subtotal=None,
        amount_total=None,
        cancel_url=said.get("cancel_url"),
        client_reference_id=said.get("client_reference_id"),
        currency="eur",
        customer=said.get("customer"),
        expires_at=books.now() + 86_400,
        invoice=None,
        locale=said.get("locale"),
        mode=said["mode"],
        payment_intent=None,
        payment_method_types=list(said.get("payment_method_types", {"0": "card"}).values()),
        payment_status="unpaid",
        setup_intent=None,
        status="open",
        subscription=None,
        success_url=said["success_url"],
    )
    session["metadata"] = said.get("metadata", {})
    return session


def subscription(books: Books, customer_id: str, prices: list[Thing], said: Thing) -> Thing:
    now, trial = books.now(), int(said.get("trial_end") or 0)
    months = prices[0]["recurring"]["interval_count"]
    name, end = books.new_id("subscription"), trial if trial > now else now + months * MONTH
    items = [
        {
            "id": books.new_id("subscription_item"),
            "object": "subscription_item",
            "created": now,
            "current_period_start": now,
            "current_period_end": end,
            "discounts": [],
            "metadata": {},
            "price": one,
            "quantity": 1,
            "subscription": name,
            "tax_rates": [],
        }
        for one in prices
    ]
    fee = said.get("application_fee_percent")
    return _new(
        books,
        "subscription",
        id=name,
        application=None,
        application_fee_percent=float(fee) if fee else None,
        billing_cycle_anchor=end,
        cancel_at=None,
        cancel_at_period_end=False,
        canceled_at=None,
        collection_method="charge_automatically",
        currency="eur",
        customer=customer_id,
        default_payment_method=said.get("default_payment_method"),
        default_tax_rates=[books.things[one] for one in said.get("tax_rates", [])],
        description=None,
        discounts=[],
        ended_at=None,
        items=listed(items, f"/v1/subscription_items?subscription={name}"),
        latest_invoice=None,
        pause_collection=None,
        pending_setup_intent=None,
        start_date=now,
        status="trialing" if trial > now else "incomplete",
        trial_end=trial if trial > now else None,
        trial_start=now if trial > now else None,
    ) | {"metadata": said.get("metadata", {})}


def line(books: Books, item: Thing, cents: int) -> Thing:
    """Of an invoice, for what is bought from the start of its period to the end."""
    return {
        "id": books.new_id("line_item"),
        "object": "line_item",
        "amount": cents,
        "currency": "eur",
        "description": None,
        "discounts": [],
        "livemode": False,
        "metadata": {},
        "pricing": {
            "price_details": {
                "price": item["price"]["id"],
                "product": item["price"]["product"],
            },
            "type": "price_details",
            "unit_amount_decimal": item["price"]["unit_amount_decimal"],
        },
        "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
        "quantity": 1,
    }


def invoice(books: Books, sub: Thing, reason: str, lines: list[Thing]) -> Thing:
    now, name = books.now(), books.new_id("invoice")
    lines = [{**line, "invoice": name} for line in lines]
    subtotal = sum(line["amount"] for line in lines)
    tax = sum(round(subtotal * rate["percentage"] / 100) for rate in sub["default_tax_rates"])
    # As Stripe does: nothing is due for a period on trial.
    due = 0 if sub["status"] == "trialing" else subtotal + tax
    return _new(
        books,
        "invoice",
        id=name,
        amount_due=due,
        amount_paid=0,
        amount_remaining=due,
        attempt_count=0,
        attempted=False,
        billing_reason=reason,
        collection_method="charge_automatically",
        currency="eur",
        customer=sub["customer"],
        customer_email=None,
        customer_name=None,
        discounts=[],
        ending_balance=None,
        hosted_invoice_url=f"{books.url}/facture/{name}",
        invoice_pdf=None,
        lines=listed(lines, f"/v1/invoices/{name}/lines"),
        next_payment_attempt=None,
        number=f"F-{len(books.all('invoice', books.owners[sub['id']])) + 1:04d}",
        parent={
            "quote_details": None,
            "subscription_details": {"metadata": sub["metadata"], "subscription": sub["id"]},
            "type": "subscription_details",
        },
        period_end=now,
        period_start=now,
        starting_balance=0,
        status="open",
        status_transitions={
            "finalized_at": now,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        subtotal=due if due == 0 else subtotal,
        total=due,
        total_excluding_tax=due if due == 0 else subtotal,
    )


def charge(books: Books, bill: Thing, method: Thing, fee_percent: float | None) -> Thing:
    fee = round(bill["amount_due"] * fee_percent / 100) if fee_percent else None
    return _new(
        books,
        "charge",
        amount=bill["amount_due"],
        amount_captured=0,
        amount_refunded=0,
        application_fee=None,
        application_fee_amount=fee,
        balance_transaction=None,
        captured=False,
        currency="eur",
        customer=bill["customer"],
        disputed=False,
        failure_code=None,
        failure_message=None,
        paid=False,
        payment_intent=None,
        payment_method=method["id"],
        payment_method_details={"type": method["type"], method["type"]: method[method["type"]]},
        refunded=False,
        refunds=listed([], ""),
        status="pending",
    )


def payment_intent(books: Books, paid_by: Thing) -> Thing:
    return _new(
        books,
        "payment_intent",
        amount=paid_by["amount"],
        amount_received=0,
        application_fee_amount=paid_by["application_fee_amount"],
        client_secret=None,
        currency="eur",
        customer=paid_by["customer"],
        last_payment_error=None,
        latest_charge=paid_by["id"],
        next_action=None,
        payment_method=paid_by["payment_method"],
        payment_method_types=["card"],
        status="processing",
    )


def payment_error(code: str, method: Thing) -> Thing:
    """Why it was not paid, as an intent tells it."""
    own = code in OWN_CODES
    return {
        "type": "card_error" if method["type"] == "card" else "invalid_request_error",
        "code": code if own else "card_declined",
        "decline_code": code,
        "message": code,
        "payment_method": {"id": method["id"], "type": method["type"]},
    }


def invoice_payment(books: Books, bill: Thing, intent: Thing) -> Thing:
    made = _new(
        books,
        "invoice_payment",
        amount_paid=None,
        amount_requested=bill["amount_due"],
        currency="eur",
        invoice=bill["id"],
        is_default=True,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )
    del made["metadata"]
    return made


def setup_intent(books: Books, method: Thing) -> Thing:
    return _new(
        books,
        "setup_intent",
        customer=method["customer"],
        payment_method=method["id"],
        payment_method_types=[method["type"]],
        status="succeeded",
        usage="off_session",
    )


def application_fee(books: Books, paid: Thing, account_id: str) -> Thing:
    made = _new(
        books,
        "application_fee",
        account=account_id,
        amount=paid["application_fee_amount"],
        amount_refunded=0,
        charge=paid["id"],
        currency="eur",
        refunded=False,
        refunds=listed([], ""),
    )
    del made["metadata"]
    return made


def fee_refund(books: Books, fee: Thing, cents: int) -> Thing:
    made = _new(
        books, "fee_refund", amount=cents, balance_transaction=None, currency="eur", fee=fee["id"]
    )
    del made["livemode"]
    return made


def portal_session(books: Books, said: Thing) -> Thing:
    made = _new(
        books,
        "billing_portal.session",
        customer=said["customer"],
        flow=said.get("flow_data"),
        locale=said.get("locale"),
        return_url=said.get("return_url"),
    )
    del made["metadata"]
    return made
