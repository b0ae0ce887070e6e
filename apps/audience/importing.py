"""Bringing a file of people in.

A known person is completed, never overwritten; a stop is never undone and a consent's proof
never rewritten (french-rules §1).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audience.arrivals import Arrivals
from apps.audience.reading import (
    FIELDS,
    NAMES,
    Person,
    consent_column,
    further_consent,
    read_person,
)
from apps.contacts import channels
from apps.core.refusal import Refusal
from apps.imports.cells import read_email, read_phone_cell
from apps.imports.intake import Brought, Intake, Line, Words
from apps.imports.models import Fate
from apps.loyalty.importing import MOST_STAMPS
from apps.shops.models import Shop


class ConsentOrigin(models.TextChoices):
    """Where the proof of an imported consent lies, as the shop states it."""

    PAPER = "paper", _("Formulaires papier gardés en boutique")
    SOFTWARE = "software", _("Ancien logiciel de fidélité ou de caisse")
    WEBSITE = "website", _("Formulaire de notre site")


class OriginMissing(Refusal):
    message = _("Dites d’où viennent ces accords : sans preuve, laissez la colonne de côté.")
    status = 422


# Why a line was refused, or what of it was left aside.
REASONS: dict[str, Words] = {
    "address": _("ni téléphone ni e-mail lisible"),
    "phone": _("téléphone illisible, laissé de côté"),
    "email": _("e-mail illisible, laissé de côté"),
    "birth_date": _("date de naissance illisible, laissée de côté"),
    "last_visit": _("dernière visite illisible, laissée de côté"),
    "postal_code": _("code postal illisible, laissé de côté"),
    "stamps": _("nombre de tampons illisible, laissé de côté"),
    "too_many": _("plus de %(most)s tampons, laissés de côté") % {"most": MOST_STAMPS},
    "stamps_kept": _("tampons déjà repris sur cette carte"),
    "phone_taken": _("ce téléphone est celui d’une autre fiche"),
    "email_taken": _("cet e-mail est celui d’une autre fiche"),
    "phone_kept": _("la fiche a déjà un autre téléphone, gardé"),
    "email_kept": _("la fiche a déjà un autre e-mail, gardé"),
    "stopped": _("a dit stop : accord non repris"),
}


class People(Intake):
    kind = "people"
    slug = "clients"
    section = "contacts"
    home = ("contacts", "Clients")
    page = "contact"
    title = "Importer des clients"
    intro = (
        "Depuis un tableur, un carnet recopié ou votre ancien programme de fidélité. "
        "Vous verrez tout avant que rien ne change."
    )
    rules = (
        "Un numéro, une personne : 06…, +33 6… et outre-mer sont reconnus, les doublons réunis.",
        "Une fiche connue est complétée, jamais écrasée.",
        "Un STOP reste un STOP. Un accord sans preuve ne s’importe pas.",
        "Les tampons d’une autre carte sont repris une seule fois ; les cartes pleines "
        "deviennent des récompenses.",
    )
    again = "Ses tampons ne seront pas ajoutés une seconde fois."
    clean_end = "Chaque ligne a trouvé sa personne. Le fichier envoyé est effacé."
    preview = "audience/import_preview.html"
    options_page = "audience/import_options.html"
    fields = FIELDS
    names = NAMES
    reasons = REASONS
    needs: ClassVar = [frozenset({"phone", "email"})]
    missing = _("Dites quelle colonne contient le téléphone ou l’e-mail.")

    def columns(self, shop: Shop) -> Mapping[str, Words]:
        ways = [way for way in channels.offered(shop) if way.typed]
        asked = {consent_column(way.name): f"Accord {way}" for way in ways}
        return {**FIELDS, **{name: said for name, said in asked.items() if name not in FIELDS}}

    def name_of_column(self, header: str) -> str:
        return super().name_of_column(header) or further_consent(header)

    def looks(self, region: str) -> Iterable[tuple[str, Callable[[str], bool]]]:
        return (
            ("phone", lambda cell: read_phone_cell(cell, region) is not None),
            ("email", lambda cell: bool(read_email(cell))),
        )

    def options(self) -> dict[str, forms.Field]:
        origins = [("", _("Choisir…")), *ConsentOrigin.choices]
        return {
            "tag": forms.CharField(label=_("Étiquette pour tous"), max_length=30, required=False),
            "consent_origin": forms.ChoiceField(
                label=_("D’où viennent les accords ?"), required=False, choices=origins
            ),
        }

    def settle(self, mapping: Mapping[str, int], options: dict[str, Any]) -> dict[str, Any]:
        super().settle(mapping, options)
        consents = set(map(consent_column, channels.names())) & set(mapping)
        origin = options.get("consent_origin", "")
        if consents and origin not in ConsentOrigin.values:
            raise OriginMissing()
        tag = " ".join(options.get("tag", "").split())
        return {"tag": tag, "consent_origin": origin if consents else ""}

    def read(self, line: Line) -> Person:
        today = timezone.localdate(line.now)
        return read_person(line.cells, line.run.mapping, line.shop.region, today)

    def bring(self, lines: Sequence[Line]) -> list[Brought]:
        people = [self.read(line) for line in lines]
        arrivals = Arrivals(lines, people)
        brought = [
            arrivals.bring(line, person) if person.phone or person.email else None
            for line, person in zip(lines, people, strict=True)
        ]
        arrivals.write()
        return [
            Brought(arrived[1], arrived[0].contact.pk, [*person.doubts, *arrived[2]])
            if arrived
            else Brought(Fate.REFUSED, reasons=["address"])
            for person, arrived in zip(people, brought, strict=True)
        ]


PEOPLE = People()
