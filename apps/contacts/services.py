"""Adding and changing people."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact, Source, Tag
from apps.core.phone import NotAPhone, Phone, parse_phone
from apps.core.refusal import Refusal


class WrongPhone(Refusal):
    message = _("« %(typed)s » n’est pas un numéro de téléphone. Exemple : 06 12 34 56 78.")
    status = 422


class AddressTaken(Refusal):
    message = _("Une autre fiche porte déjà ce numéro ou cet e-mail.")


@dataclass(frozen=True, slots=True)
class Found:
    """``created`` is False when the number or the e-mail already named someone."""

    contact: Contact
    created: bool


def read_phone(typed: str, region: str = "FR") -> Phone:
    """A number as typed at a shop in ``region``. Raises ``WrongPhone``."""
    try:
        return parse_phone(typed, region)
    except NotAPhone as error:
        raise WrongPhone(typed=typed) from error


def by_address(*, phone: str = "", email: str = "") -> Contact | None:
    """The living record that holds this E.164 number, else this e-mail."""
    found = None
    if phone:
        found = Contact.objects.living().filter(phone=phone).first()
    if found is None and email:
        found = Contact.objects.living().filter(email__iexact=email).first()
    return found


@transaction.atomic
def add_contact(
    *,
    phone: Phone | None = None,
    email: str = "",
    first_name: str = "",
    last_name: str = "",
    source: str = Source.COUNTER,
    birth_date: date | None = None,
    postal_code: str = "",
    language: str = "fr",
    now: datetime | None = None,
) -> Found:
    """The person with this number or e-mail: found as they are, or made. Safe in parallel.

    A landline is kept, without SMS. Nothing known is overwritten; empty names are filled.
    """
    email = email.strip().lower()
    e164 = phone.e164 if phone else ""
    found = by_address(phone=e164, email=email)
    if found is None:
        contact = Contact(
            first_name=first_name.strip(),
            last_name=last_name.strip(),
            phone=e164,
            phone_mobile=bool(phone and phone.mobile),
            phone_region=phone.region if phone else "",
            email=email,
            source=source,
            birth_date=birth_date,
            postal_code=postal_code,
            language=language,
            **({"created_at": now} if now else {}),
        )
        try:
            with transaction.atomic():
                contact.save()
            return Found(contact, created=True)
        except IntegrityError:
            # Another request made the same person between our look and our insert.
            found = by_address(phone=e164, email=email)
            if found is None:
                raise
    _fill_names(found, first_name, last_name)
    return Found(found, created=False)


def _fill_names(contact: Contact, first_name: str, last_name: str) -> None:
    fields = []
    if first_name.strip() and not contact.first_name:
        contact.first_name = first_name.strip()
        fields.append("first_name")
    if last_name.strip() and not contact.last_name:
        contact.last_name = last_name.strip()
        fields.append("last_name")
    if fields:
        contact.save(update_fields=[*fields, "search"])


def tag_named(name: str) -> Tag:
    """The tag with this name whatever its case, made if it is new."""
    clean = " ".join(name.split())[:30]
    found = Tag.objects.annotate(lower=Lower("name")).filter(lower=clean.lower()).first()
    return found or Tag.objects.get_or_create(name=clean)[0]
