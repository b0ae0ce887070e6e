"""A shop that may issue invoices, and what it writes on them."""

from datetime import UTC, datetime
from uuid import uuid4

from django.core.files.storage import default_storage

from apps.core.actor import Actor
from apps.invoicing.models import Method, Movement
from apps.invoicing.online import follow_payout
from apps.invoicing.services import change_terms, issue, pay, save_draft
from apps.invoicing.words import Address, Buyer, InvoiceWords, LineWords
from apps.payments.models import Payout
from apps.shops.models import Shop
from apps.shops.services import shop_here

OWNER = Actor("team", 7)
NOON = datetime(2026, 11, 20, 11, tzinfo=UTC)  # noon at the shop
CLAIRE = Buyer("Claire Dupont", Address("3 rue du Lac", "21000", "Dijon"))
HOTEL = Buyer(
    "Hôtel de la Poste SAS",
    Address("1 place Monge", "21200", "Beaune"),
    is_business=True,
    siren="552100554",
    vat_number="FR96552100554",
)
FACTS = {
    "legal_name": "Cave du Marché SARL",
    "street": "12 place Carnot",
    "postal_code": "21200",
    "city": "Beaune",
    "siren": "732829320",
    "email": "bonjour@cave.exemple.fr",
}
TERMS = {
    "legal_form": "SARL au capital de 10 000 €",
    "registration": "RCS Dijon 732 829 320",
    "vat_number": "FR44732829320",
}


def settle_in(**terms) -> Shop:
    """The shop has said all the law wants to know of it."""
    shop = shop_here()
    Shop.objects.filter(pk=shop.pk).update(**FACTS)
    shop.refresh_from_db()
    change_terms({**TERMS, **terms}, by=OWNER)
    return shop


def bottles(units=1, cents=1200, *, vat=2000, label="Morgon 2022", **more) -> LineWords:
    return LineWords(label, units * 1000, cents, vat, **more)


def words(*lines, buyer=CLAIRE, **more) -> InvoiceWords:
    return InvoiceWords(buyer, tuple(lines or [bottles()]), **more)


def issued(*lines, at=NOON, **more):
    """An invoice of these lines, one bottle of 12 € where nothing is said."""
    return issue(save_draft(words(*lines, **more), now=at), by=OWNER, now=at)


def paid(invoice, cents, *, method=Method.CARD, at=NOON, on=None, token=None):
    return pay(
        invoice,
        cents,
        method=method,
        paid_on=on or at.date(),
        token=token or uuid4(),
        by=OWNER,
        now=at,
    )


def paid_out(shop, now=NOON):
    """What customers paid online reached the bank; what is sealed of it."""
    when = {"arrives_on": now.date(), "read_at": now}
    sent = Payout.objects.create(
        shop=shop, payout_id="po_1", amount_cents=2900, status="paid", **when
    )
    follow_payout(sent.pk, now)
    sent.delete()  # what Stripe says can be asked anew: no part of the shop
    return Movement.objects.get(about="po_1")


def stored(name) -> bytes:
    with default_storage.open(name) as kept:
        return kept.read()


def file_of(paper) -> bytes:
    return stored(paper.file)


def lose(name) -> None:
    default_storage.delete(name)
