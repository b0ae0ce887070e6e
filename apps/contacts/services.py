"""Adding and changing people."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.contacts import channels
from apps.contacts.consent import ADULT_WORDING, has_opposed, write_consent
from apps.contacts.models import Channel, ConsentState, Contact, Source, Tag
from apps.core.actor import Actor
from apps.core.phone import NotAPhone, Phone, parse_phone
from apps.core.reading import columns, instance
from apps.core.refusal import Refusal


class WrongPhone(Refusal):
    message = _("« %(typed)s » n’est pas un numéro de téléphone. Exemple : 06 12 34 56 78.")
    status = 422


class AddressTaken(Refusal):
    """``values["field"]`` is ``phone`` or ``email``, ``values["holder"]`` the other's id."""

    message = _("Une autre fiche porte déjà ce numéro ou cet e-mail.")


class NoTagName(Refusal):
    message = _("Écrivez le nom de l’étiquette.")
    status = 422


class AlreadyStopped(Refusal):
    message = _(
        "Cette personne a dit stop sur ce canal. Elle seule peut y revenir, depuis sa carte."
    )


class NothingToReach(Refusal):
    message = _("Ajoutez d’abord un numéro ou un e-mail à cette fiche.")
    status = 422


@dataclass(frozen=True, slots=True)
class Found:
    """``created`` is False when the number or the e-mail already named someone.

    Someone made by this very gesture, which came twice, counts as created.
    """

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
        # In the words of the index, which knows the addresses in lower case and leaves none out.
        same = Contact.objects.living().exclude(email="").alias(lower=Lower("email"))
        found = same.filter(lower=email.lower()).first()
    return found


def by_addresses(phones: Iterable[str], emails: Iterable[str]) -> QuerySet[Contact]:
    """The living records that hold one of these; the e-mails in lower case."""
    # In the words of the indexes, which leave out who has none: a long list proves nothing.
    by_phone = Q(phone__in=phones) & ~Q(phone="")
    by_email = Q(lower__in=emails) & ~Q(email="")
    return Contact.objects.living().alias(lower=Lower("email")).filter(by_phone | by_email)


_HOLDERS = f"""
SELECT {columns(Contact, "person")}, phone = %(phone)s, lower(email) = lower(%(email)s)
FROM contacts_contact person WHERE merged_into_id IS NULL
AND (phone = %(phone)s OR (email <> '' AND lower(email) = lower(%(email)s)))
"""


def holders_of(*, phone: str = "", email: str = "") -> dict[str, Contact]:
    """By channel, the living records that hold this E.164 number and this e-mail."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, {"phone": phone or None, "email": email or None})
        rows = cursor.fetchall()
    found: dict[str, Contact] = {}
    for *row, by_phone, by_email in rows:
        held = {Channel.SMS.value: by_phone, Channel.EMAIL.value: by_email}
        person = instance(Contact, tuple(row))
        found |= {channel: person for channel, is_held in held.items() if is_held}
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
    token: UUID | None = None,
    by: Actor | None = None,
    now: datetime | None = None,
) -> Found:
    """The person with this number or e-mail: found as they are, or made. Safe in parallel.

    A landline is kept, without SMS. Nothing known is overwritten; empty names are filled.
    ``token`` names the gesture, where a phone may send it twice; ``by`` is who made it.
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
            gesture=token,
            **({"created_at": now} if now else {}),
        )
        try:
            with transaction.atomic():
                contact.save()
                if by:
                    record(by, "contact.added", "contact", contact.pk)
            return Found(contact, created=True)
        except IntegrityError:
            # Another request made the same person between our look and our insert.
            found = by_address(phone=e164, email=email)
            if found is None:
                raise
    _fill_names(found, first_name, last_name)
    return Found(found, created=token is not None and found.gesture == token)


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


@dataclass(frozen=True, slots=True)
class Identity:
    """All that the edit form says of a person; empty means unknown.

    ``adult``: whether she declared to be 18 or more; None leaves that as it is.
    """

    first_name: str = ""
    last_name: str = ""
    phone: Phone | None = None
    email: str = ""
    birth_date: date | None = None
    postal_code: str = ""
    language: str = "fr"
    note: str = ""
    adult: bool | None = None


@transaction.atomic
def edit_contact(contact: Contact, identity: Identity, *, by: Actor, now: datetime) -> list[str]:
    """The person is what ``identity`` says; returns the names of the fields that changed.

    The card stays whatever changes. A proof and a consent belong to an address: with another
    number or e-mail they start again, but a stop stays (see ``_address_changed``). Raises
    ``AddressTaken``.
    """
    contact = Contact.objects.select_for_update().get(pk=contact.pk)
    phone, email = identity.phone, identity.email.strip().lower()
    wanted: dict[str, Any] = {
        "first_name": identity.first_name.strip(),
        "last_name": identity.last_name.strip(),
        "phone": phone.e164 if phone else "",
        "phone_mobile": bool(phone and phone.mobile),
        "phone_region": phone.region if phone else "",
        "email": email,
        "birth_date": identity.birth_date,
        "postal_code": identity.postal_code.strip(),
        "language": identity.language,
        "note": identity.note.strip(),
    }
    if identity.adult is not None and identity.adult != bool(contact.adult_declared_at):
        wanted["adult_declared_at"] = now if identity.adult else None
        wanted["adult_wording"] = ADULT_WORDING if identity.adult else ""
    changed = [name for name, value in wanted.items() if getattr(contact, name) != value]
    if not changed:
        return []
    _refuse_taken(contact, wanted["phone"] if "phone" in changed else "", email)
    for name, value in wanted.items():
        setattr(contact, name, value)
    moved = [way for way in channels.every() if way.address in changed]
    for way in moved:
        setattr(contact, f"{way.address}_proven_at", None)
        for name, value in way.with_bad(contact, None).items():
            setattr(contact, name, value)
    try:
        with transaction.atomic():
            contact.save()
    except IntegrityError as error:
        raise AddressTaken() from error
    for way in moved:
        _address_changed(contact, way.name, by, now)
    record(by, "contact.edited", "contact", contact.pk, after={"fields": changed})
    return changed


def _refuse_taken(contact: Contact, phone: str, email: str) -> None:
    others = Contact.objects.exclude(pk=contact.pk)
    for field, query in (("phone", {"phone": phone}), ("email", {"email__iexact": email})):
        if not next(iter(query.values())):
            continue
        holder = others.filter(**query).values_list("merged_into_id", "pk").first()
        if holder:
            raise AddressTaken(field=field, holder=holder[0] or holder[1])


def _address_changed(contact: Contact, channel: str, by: Actor, now: datetime) -> None:
    """A yes was given for the old address and ends with it; a stop was said by the person."""
    address = contact.address(channel)
    state = ConsentState.NONE
    if contact.consent(channel) == ConsentState.WITHDRAWN or (
        address and has_opposed(channel, address)
    ):
        state = ConsentState.WITHDRAWN
    write_consent(contact, channel, state, source=Source.TEAM, by=by, now=now, wording="")


@transaction.atomic
def withdraw(contact: Contact, channel: str, *, source: str, by: Actor, now: datetime) -> bool:
    """The person said stop and the team writes it down; False when it was so already."""
    return write_consent(
        contact, channel, ConsentState.WITHDRAWN, source=source, by=by, now=now, wording=""
    )


@transaction.atomic
def record_yes(
    contact: Contact, channel: str, *, source: str, by: Actor, now: datetime
) -> ConsentState:
    """The team writes down a yes it heard or holds on paper (``source`` says which).

    It counts at once for an address its holder has proven; else it stays pending until the tap
    on the link in a message. Raises ``AlreadyStopped``, ``NothingToReach``.
    """
    if not contact.address(channel):
        raise NothingToReach()
    proven = channels.named(channel).proven_at(contact)
    state = ConsentState.GRANTED if proven else ConsentState.PENDING
    current = contact.consent(channel)
    if current in {state, ConsentState.GRANTED}:
        return ConsentState(current)
    if not write_consent(contact, channel, state, source=source, by=by, now=now):
        raise AlreadyStopped()
    return state


def tag_named(name: str) -> Tag:
    """The tag with this name whatever its case, made if it is new. Safe in parallel.

    Raises ``NoTagName``.
    """
    clean = " ".join(name.split())[:30].strip()
    if not clean:
        raise NoTagName()
    same = Tag.objects.annotate(lower=Lower("name")).filter(lower=Lower(Value(clean)))
    found = same.first()
    if found is None:
        try:
            with transaction.atomic():
                return Tag.objects.create(name=clean)
        except IntegrityError:
            found = same.get()  # another request made it meanwhile
    return found


def tags_named(names: Iterable[str]) -> dict[str, Tag]:
    """Tags by their names in lower case, each made if it is new. Empty names are left out."""
    wanted = {name.lower(): name for name in names if name}
    lower = Tag.objects.annotate(lower=Lower("name")).filter(lower__in=wanted)
    found = {tag.name.lower(): tag for tag in lower}
    return found | {key: tag_named(name) for key, name in wanted.items() if key not in found}


@transaction.atomic
def add_tag(contact: Contact, name: str, *, by: Actor) -> Tag:
    """The person wears the tag, once. Raises ``NoTagName``."""
    tag = tag_named(name)
    if not contact.tags.filter(pk=tag.pk).exists():
        contact.tags.add(tag)
        record(by, "contact.tagged", "contact", contact.pk, after={"tag": tag.pk})
    return tag


@transaction.atomic
def remove_tag(contact: Contact, tag: Tag, *, by: Actor) -> None:
    """The person wears it no more."""
    if not contact.tags.filter(pk=tag.pk).exists():
        return
    contact.tags.remove(tag)
    record(by, "contact.untagged", "contact", contact.pk, before={"tag": tag.pk})
