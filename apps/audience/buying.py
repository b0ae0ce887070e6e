"""Bringing a file of purchases in: a till's export, a spreadsheet kept by hand.

One line is one purchase, or one article of a ticket when the file numbers its tickets: lines of
one ticket add up. A line comes in once, whatever file repeats it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Variant
from apps.catalog.services.purchases import LineWords, Receipt, Receipts
from apps.contacts.models import Contact
from apps.contacts.services import by_addresses
from apps.core.phone import Phone
from apps.imports.cells import (
    read_amount,
    read_count,
    read_email,
    read_moment,
    read_phone_cell,
    read_units,
)
from apps.imports.intake import Brought, Intake, Line, Words
from apps.imports.models import Fate
from apps.loyalty.merging import living
from apps.loyalty.models import Card

FIELDS: dict[str, Words] = {
    "at": _("Date"),
    "amount": _("Montant TTC"),
    "phone": _("Téléphone"),
    "email": _("E-mail"),
    "card": _("Numéro de carte"),
    "ticket": _("Numéro de ticket"),
    "article": _("Article"),
    "sku": _("Référence de l’article"),
    "units": _("Quantité"),
}
NAMES = {
    "at": "date|le|jour|date achat|date d achat|date de vente|date vente|date ticket|date heure|"
    "horodatage|day|datetime|sold at",
    "amount": "montant|montant ttc|total|total ttc|ttc|prix|ca|ca ttc|somme|amount|total amount|"
    "montant ligne|prix ttc",
    "phone": "telephone|tel|portable|mobile|numero de telephone|phone|phone number",
    "email": "email|e mail|mail|courriel|adresse mail|adresse email|adresse e mail",
    "card": "carte|numero de carte|n carte|no carte|carte de fidelite|carte fidelite|card",
    "ticket": "ticket|numero de ticket|n ticket|no ticket|numero|facture|vente|commande|"
    "numero de vente|receipt|order|ticket number",
    "article": "article|produit|designation|libelle|item|product",
    "sku": "reference|ref|sku|code|code article|code produit|code barres|ean|gencod|barcode",
    "units": "quantite|qte|qty|quantity|nombre|unites",
}
REASONS: dict[str, Words] = {
    "at": _("date illisible ou à venir"),
    "amount": _("montant illisible"),
    "nobody": _("personne inconnue : importez d’abord vos clients"),
    "two_people": _("téléphone, e-mail et carte ne sont pas d’une seule personne"),
    "stranger": _("sans client : compté dans les ventes, pour personne"),
    "known": _("déjà connu"),
    "units": _("quantité illisible, comptée pour un"),
    "article": _("article hors catalogue, gardé par son nom"),
}


@dataclass(slots=True)
class Bought:
    """One line as it was read. ``doubts`` are codes for what could not be read."""

    at: datetime | None
    cents: int | None
    phone: Phone | None = None
    email: str = ""
    card: int | None = None
    ticket: str = ""
    article: str = ""
    sku: str = ""
    units: int = 1
    named: bool = False  # the line says whose it is, readable or not
    doubts: list[str] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return self.at is None or self.cents is None


def read_bought(line: Line) -> Bought:
    """A line through the mapping; never raises, says its doubts instead."""
    said = line.said
    units = read_units(said("units"))
    bought = Bought(
        at=read_moment(said("at"), line.now),
        cents=read_amount(said("amount")),
        phone=read_phone_cell(said("phone"), line.shop.region),
        email=read_email(said("email")),
        card=read_count(said("card").lstrip("Nn°o ")),
        ticket=said("ticket")[:60],
        article=said("article")[:160],
        sku=said("sku")[:40],
        units=units or 1,
        named=any(said(name) for name in ("phone", "email", "card")),
    )
    if bought.cents is not None and bought.cents < 0 < bought.units:
        bought.units = -bought.units  # a return
    bought.doubts += ["at"] if bought.at is None else []
    bought.doubts += ["amount"] if bought.cents is None else []
    bought.doubts += ["units"] if said("units") and not units else []
    return bought


class Purchases(Intake):
    kind = "purchases"
    slug = "achats"
    section = "contacts"
    home = ("contacts", "Clients")
    page = "contact"
    title = "Importer des achats"
    intro = (
        "Depuis l’export de votre caisse ou un tableur : une date, un montant, une personne. "
        "De quoi savoir ce que chacun dépense et préfère."
    )
    rules = (
        "La personne se reconnaît à son téléphone, à son e-mail ou à son numéro de carte.",
        "Une vente n’entre qu’une fois, même si le fichier est envoyé deux fois ou si deux "
        "exports se recouvrent.",
        "Avec un numéro de ticket, chaque ligne est un article : le total se fait tout seul.",
        "Un retour est un montant négatif. Un import n’écrit à personne et ne tamponne rien.",
    )
    again = "Ses achats ne seront pas comptés une seconde fois."
    clean_end = "Chaque achat a trouvé sa personne. Le fichier envoyé est effacé."
    preview = "audience/import_bought.html"
    fields = FIELDS
    names = NAMES
    reasons = REASONS
    needs: ClassVar = [frozenset({"at"}), frozenset({"amount"})]
    missing = _("Dites quelles colonnes contiennent la date et le montant.")

    def looks(self, region: str) -> Iterable[tuple[str, Callable[[str], bool]]]:
        return (
            ("phone", lambda cell: read_phone_cell(cell, region) is not None),
            ("email", lambda cell: bool(read_email(cell))),
        )

    def tells(self, cell: str) -> bool:
        return super().tells(cell) or read_amount(cell) is not None

    def read(self, line: Line) -> Bought:
        return read_bought(line)

    def bring(self, lines: Sequence[Line]) -> list[Brought]:
        read = [read_bought(line) for line in lines]
        holders, goods = Holders(read), Goods(read)
        told = [
            _told(line, bought, holders, goods) for line, bought in zip(lines, read, strict=True)
        ]
        receipts = Receipts(_file(lines[0]), [one for one in told if isinstance(one, Receipt)])
        brought = [
            one if isinstance(one, Brought) else _brought(bought, one, receipts)
            for bought, one in zip(read, told, strict=True)
        ]
        receipts.write()
        return brought


PURCHASES = Purchases()


class Holders:
    """Whom many lines name, by their addresses and their cards."""

    def __init__(self, read: Iterable[Bought]) -> None:
        phones = {bought.phone.e164 for bought in read if bought.phone}
        people = list(by_addresses(phones, {bought.email for bought in read if bought.email}))
        self._by_phone = {person.phone: person for person in people if person.phone}
        self._by_email = {person.email.lower(): person for person in people if person.email}
        numbers = {bought.card for bought in read if bought.card is not None}
        cards = Card.objects.select_related("contact").filter(number__in=numbers)
        self._by_card = {card.number: living(card.contact) for card in cards}

    def of(self, bought: Bought) -> list[Contact]:
        """Nobody, one, or several."""
        found = (
            self._by_phone.get(bought.phone.e164) if bought.phone else None,
            self._by_email.get(bought.email) if bought.email else None,
            self._by_card.get(bought.card) if bought.card is not None else None,
        )
        return list({person.pk: person for person in found if person is not None}.values())


class Goods:
    """The articles that many lines name, as the catalogue knows them: what is on sale first."""

    def __init__(self, read: Iterable[Bought]) -> None:
        codes = {bought.sku for bought in read if bought.sku}
        names = {bought.article.lower() for bought in read if bought.article}
        keyed = Variant.objects.alias(code=Lower("sku"), name=Lower("product__name"))
        known = keyed.filter(
            Q(code__in={code.lower() for code in codes}) | Q(ean__in=codes) | Q(name__in=names)
        )
        on_sale_first = known.order_by(F("archived_at").asc(nulls_first=True), "pk")
        self._by_sku: dict[str, Variant] = {}
        self._by_ean: dict[str, Variant] = {}
        self._by_name: dict[str, Variant] = {}
        for variant in on_sale_first.select_related("product"):
            self._by_sku.setdefault(variant.sku.lower(), variant)
            self._by_ean.setdefault(variant.ean, variant)
            self._by_name.setdefault(variant.product.name.lower(), variant)

    def named(self, bought: Bought) -> Variant | None:
        """By its reference, its bar code, or its name."""
        found = None
        if bought.sku:
            found = self._by_sku.get(bought.sku.lower()) or self._by_ean.get(bought.sku)
        return found or (self._by_name.get(bought.article.lower()) if bought.article else None)


def _file(line: Line) -> str:
    return line.run.digest[:24]


def _told(line: Line, bought: Bought, holders: Holders, goods: Goods) -> Receipt | Brought:
    """What the line says of a purchase, or why it is refused."""
    if bought.at is None or bought.cents is None:
        return Brought(Fate.REFUSED, reasons=bought.doubts)
    people = holders.of(bought)
    if len(people) > 1:
        return Brought(Fate.REFUSED, reasons=["two_people"])
    if bought.named and not people:
        return Brought(Fate.REFUSED, reasons=["nobody"])
    variant = goods.named(bought)
    if not people:
        bought.doubts.append("stranger")
    if variant is None and (bought.article or bought.sku):
        bought.doubts.append("article")
    words = LineWords(
        label=bought.article or (str(variant.product) if variant else bought.sku),
        amount_cents=bought.cents,
        units=bought.units,
        variant=variant,
        reference=f"{_file(line)}:{line.number}",
    )
    return Receipt(people[0] if people else None, bought.at, words, bought.ticket)


def _brought(bought: Bought, receipt: Receipt, receipts: Receipts) -> Brought:
    is_new = receipts.take(receipt)
    if not is_new:
        bought.doubts.append("known")
    person = receipt.contact.pk if receipt.contact else None
    return Brought(Fate.CREATED if is_new else Fate.UNCHANGED, person, bought.doubts)
