"""Bringing a file of people in.

A known person is completed, never overwritten; a stop is never undone and a consent's proof
never rewritten (french-rules §1).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time
from typing import Any, ClassVar

from django import forms
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audience.reading import FIELDS, NAMES, Person, read_person
from apps.contacts.consent import write_consent
from apps.contacts.models import Channel, ConsentState, Contact, Source
from apps.contacts.services import add_contact, by_address, tag_named
from apps.core.refusal import Refusal
from apps.imports.cells import read_email, read_phone_cell
from apps.imports.intake import Brought, Intake, Line, Words
from apps.imports.models import Fate
from apps.loyalty.importing import MOST_STAMPS, import_stamps
from apps.loyalty.services import card_of


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
        consents = {"sms_consent", "email_consent"} & set(mapping)
        origin = options.get("consent_origin", "")
        if consents and origin not in ConsentOrigin.values:
            raise OriginMissing()
        tag = " ".join(options.get("tag", "").split())
        return {"tag": tag, "consent_origin": origin if consents else ""}

    def read(self, line: Line) -> Person:
        today = timezone.localdate(line.now)
        return read_person(line.cells, line.run.mapping, line.shop.region, today)

    def bring(self, line: Line) -> Brought:
        person = self.read(line)
        if not person.phone and not person.email:
            return Brought(Fate.REFUSED, reasons=["address"])
        bringing = _Bringing(line, person)
        fate = bringing.bring()
        return Brought(fate, bringing.contact.pk, [*person.doubts, *bringing.reasons])


PEOPLE = People()


class _Bringing:
    """One line on its way onto one person's record."""

    contact: Contact

    def __init__(self, line: Line, person: Person) -> None:
        self.line, self.run, self.person = line, line.run, person
        self.by, self.now = line.by, line.now
        self.reasons: list[str] = []
        self.changed = False

    def bring(self) -> Fate:
        person = self.person
        email = person.email
        if person.phone and email and self._two_people():
            email = ""
        found = add_contact(
            phone=person.phone,
            email=email,
            first_name=person.first_name,
            last_name=person.last_name,
            source=Source.IMPORT,
            birth_date=person.birth_date,
            postal_code=person.postal_code,
            now=self.now,
        )
        self.contact = Contact.objects.select_for_update().get(pk=found.contact.pk)
        self._complete()
        self._tag()
        self._stamp()
        for channel in Channel:
            self._agree(channel)
        if found.created:
            return Fate.CREATED
        return Fate.UPDATED if self.changed else Fate.UNCHANGED

    def _two_people(self) -> bool:
        assert self.person.phone
        by_phone = by_address(phone=self.person.phone.e164)
        by_email = by_address(email=self.person.email)
        if by_phone and by_email and by_phone.pk != by_email.pk:
            self.reasons.append("email_taken")
            return True
        return False

    def _complete(self) -> None:
        """Fill what the record does not know; what it knows stays."""
        person, contact = self.person, self.contact
        values: dict[str, Any] = {
            "birth_date": person.birth_date,
            "postal_code": person.postal_code,
            "note": person.note,
            "first_name": person.first_name,
            "last_name": person.last_name,
        }
        if person.last_visit:
            noon = datetime.combine(person.last_visit, time(12))
            values["last_visit_at"] = min(timezone.make_aware(noon), self.now)
        if person.phone and not contact.phone:
            values["phone"] = person.phone.e164
            values["phone_mobile"] = person.phone.mobile
            values["phone_region"] = person.phone.region
        elif person.phone and contact.phone != person.phone.e164:
            self.reasons.append("phone_kept")
        taken = "email_taken" in self.reasons
        if person.email and not contact.email and not taken:
            values["email"] = person.email
        elif person.email and contact.email.lower() != person.email and not taken:
            self.reasons.append("email_kept")
        fields = [name for name, value in values.items() if value and not getattr(contact, name)]
        for name in fields:
            setattr(contact, name, values[name])
        if fields:
            contact.save(update_fields=[*fields, "search"])
            self.changed = True

    def _tag(self) -> None:
        worn = {tag.name.lower() for tag in self.contact.tags.all()}
        for name in [*self.person.tags, self.run.options.get("tag", "")]:
            if name and name.lower() not in worn:
                self.contact.tags.add(tag_named(name))
                worn.add(name.lower())
                self.changed = True

    def _stamp(self) -> None:
        stamps = self.person.stamps
        if stamps < 1:
            return
        if stamps > MOST_STAMPS:
            self.reasons.append("too_many")
            return
        card = card_of(self.contact)
        if import_stamps(card, stamps, token=self.line.token, by=self.by, now=self.now):
            self.changed = True
        else:
            self.reasons.append("stamps_kept")

    def _agree(self, channel: Channel) -> None:
        """A yes only where nothing was ever said; a stop always."""
        said = self.person.sms_consent if channel == Channel.SMS else self.person.email_consent
        current = self.contact.consent(channel)
        if not said or not self.contact.address(channel):
            return
        state = ConsentState.GRANTED if said == "yes" else ConsentState.WITHDRAWN
        if state == ConsentState.GRANTED and current in {
            ConsentState.GRANTED,
            ConsentState.PENDING,
        }:
            return
        if write_consent(
            self.contact,
            channel,
            state,
            source=Source.IMPORT,
            by=self.by,
            now=self.now,
            wording=f"import:{self.run.pk}",
        ):
            self.changed = True
        elif state == ConsentState.GRANTED:
            self.reasons.append("stopped")
