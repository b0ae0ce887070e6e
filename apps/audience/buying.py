"""Bringing a file of purchases in: a till's export, a spreadsheet kept by hand.

One line is one purchase, or one article of a ticket when the file numbers its tickets: lines of
one ticket add up. A line comes in once, whatever file repeats it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Purchase, PurchaseSource, Variant
from apps.catalog.services.purchases import LineWords, add_line, record_purchase
from apps.contacts.models import Contact
from apps.contacts.services import by_address
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

    def bring_one(self, line: Line) -> Brought:
        bought = read_bought(line)
        if bought.refused:
            return Brought(Fate.REFUSED, reasons=bought.doubts)
        people = _people(bought)
        if len(people) > 1:
            return Brought(Fate.REFUSED, reasons=["two_people"])
        if bought.named and not people:
            return Brought(Fate.REFUSED, reasons=["nobody"])
        person = people[0] if people else None
        if person is None:
            bought.doubts.append("stranger")
        is_new = _write(line, bought, person)
        if not is_new:
            bought.doubts.append("known")
        fate = Fate.CREATED if is_new else Fate.UNCHANGED
        return Brought(fate, person.pk if person else None, bought.doubts)


PURCHASES = Purchases()


def _people(bought: Bought) -> list[Contact]:
    """Whom the line's addresses and card name: nobody, one, or several."""
    found = [
        by_address(phone=bought.phone.e164) if bought.phone else None,
        by_address(email=bought.email) if bought.email else None,
    ]
    if bought.card is not None:
        card = Card.objects.select_related("contact").filter(number=bought.card).first()
        found.append(living(card.contact) if card else None)
    return list({person.pk: person for person in found if person is not None}.values())


def _write(line: Line, bought: Bought, person: Contact | None) -> bool:
    """Whether the line was new: neither this file nor another had brought it."""
    assert bought.at is not None
    assert bought.cents is not None
    file = line.run.digest[:24]
    words = _words(bought, f"{file}:{line.number}")
    if bought.ticket:
        return _of_a_ticket(file, bought, person, words)
    imported = Purchase.objects.filter(source=PurchaseSource.IMPORT)
    same = imported.filter(contact=person, at=bought.at, amount_cents=bought.cents)
    if same.exclude(reference__startswith=f"{file}:").exists():
        return False  # another export told of it
    lines = [words] if words.label else []
    _purchase, is_new = record_purchase(
        contact=person,
        amount_cents=bought.cents,
        at=bought.at,
        source=PurchaseSource.IMPORT,
        reference=words.reference,
        lines=lines,
    )
    return is_new


def _of_a_ticket(file: str, bought: Bought, person: Contact | None, words: LineWords) -> bool:
    assert bought.at is not None
    assert bought.cents is not None
    purchase, is_new = record_purchase(
        contact=person,
        amount_cents=bought.cents,
        at=bought.at,
        source=PurchaseSource.IMPORT,
        reference=f"ticket:{bought.ticket}",
        lines=[words],
    )
    if is_new:
        return True
    of_another_file = purchase.lines.exclude(reference__startswith=f"{file}:")
    return not of_another_file.exists() and add_line(purchase=purchase, words=words)


def _words(bought: Bought, reference: str) -> LineWords:
    """The article, as the catalogue knows it by its reference, its bar code or its name."""
    assert bought.cents is not None
    variant = _variant(bought)
    if variant is None and (bought.article or bought.sku):
        bought.doubts.append("article")
    return LineWords(
        label=bought.article or (str(variant.product) if variant else bought.sku),
        amount_cents=bought.cents,
        units=bought.units,
        variant=variant,
        reference=reference,
    )


def _variant(bought: Bought) -> Variant | None:
    known = Variant.objects.select_related("product").order_by("archived_at", "pk")
    if bought.sku:
        found = known.filter(sku__iexact=bought.sku).first() or known.filter(ean=bought.sku).first()
        if found is not None:
            return found
    if bought.article:
        return known.filter(product__name__iexact=bought.article).first()
    return None
