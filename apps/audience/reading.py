"""What a line of a file of people says."""

import re
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.core.french import search_key
from apps.core.phone import Phone
from apps.imports.cells import read_count, read_day, read_email, read_phone_cell
from apps.imports.intake import Words

FIELDS: dict[str, Words] = {
    "phone": _("Téléphone"),
    "email": _("E-mail"),
    "first_name": _("Prénom"),
    "last_name": _("Nom"),
    "full_name": _("Prénom et nom"),
    "birth_date": _("Date de naissance"),
    "postal_code": _("Code postal"),
    "tags": _("Étiquettes"),
    "note": "Note",  # Django’s own catalogue says « Remarque »
    "stamps": _("Tampons"),
    "last_visit": _("Dernière visite"),
    "sms_consent": _("Accord SMS"),
    "email_consent": _("Accord e-mail"),
}


def consent_column(channel: str) -> str:
    """The column in which people say yes or no to a channel."""
    return f"{channel}_consent"


NAMES = {
    "phone": "telephone|tel|portable|mobile|gsm|numero|numero de telephone|numero telephone|"
    "tel portable|tel mobile|telephone portable|telephone mobile|no tel|n tel|num tel|phone|"
    "phone number|cell|cellphone|mobile phone",
    "email": "email|e mail|mail|courriel|adresse mail|adresse email|adresse e mail|email address",
    "first_name": "prenom|first name|firstname|given name|prenom client",
    "last_name": "nom|nom de famille|last name|lastname|surname|family name|nom client",
    "full_name": "nom complet|nom et prenom|nom prenom|prenom nom|prenom et nom|full name|name|"
    "client name|customer|customer name",
    "birth_date": "date de naissance|naissance|anniversaire|date naissance|ne le|birthday|"
    "birth date|birthdate|date of birth|dob",
    "postal_code": "code postal|cp|postal code|zip|zip code|zipcode|postcode",
    "tags": "etiquettes|etiquette|tags|tag|groupe|groupes|segment|segments|categorie|categories|"
    "label|labels",
    "note": "note|notes|commentaire|commentaires|remarque|remarques|comment|comments",
    "stamps": "tampons|tampon|points|passages|solde|solde points|nombre de tampons|nb tampons|"
    "nb passages|stamps|balance|points balance|loyalty points|points fidelite|visites",
    "last_visit": "derniere visite|dernier passage|dernier achat|date derniere visite|last visit|"
    "last purchase|last seen",
    "sms_consent": "accord sms|optin sms|opt in sms|sms|consentement sms|accepte sms|sms opt in|"
    "sms consent|sms marketing",
    "email_consent": "accord e mail|accord email|optin email|opt in email|optin mail|newsletter|"
    "consentement email|accepte email|accepte mail|email opt in|email consent|email marketing|"
    "accepts marketing|optin|opt in",
}
# The same for channels that came later.
_AGREED = [f"{word} %s" for word in ("accord", "consentement", "accepte", "optin", "opt in")]
_AGREED += [f"%s {word}" for word in ("optin", "opt in", "consent", "marketing")]


def further_consent(header: str) -> str:
    """The consent that a header names, of a channel other than SMS and e-mail; else empty."""
    key = search_key(header)
    ways = (way.name for way in channels.every() if way.typed)
    further = (name for name in ways if consent_column(name) not in FIELDS)
    named = (name for name in further if key in {said % name for said in _AGREED})
    return next(map(consent_column, named), "")


# « opt in » is read as « optin ».
_YES = {"oui", "o", "yes", "y", "1", "true", "vrai", "x", "ok", "accepte", "accepted"}
_YES |= {"optin", "subscribed", "abonne", "inscrit"}
_STOP = {"stop", "desabonne", "desinscrit", "unsubscribed", "optout", "retire", "refuse"}


def read_consent(cell: str) -> str:
    """``yes``, ``stop`` for a refusal said as one, else empty: « non » means never asked."""
    key = search_key(cell).replace("opt ", "opt")
    return "yes" if key in _YES else "stop" if key in _STOP else ""


@dataclass(slots=True)
class Person:
    """One line as it was read. ``consents``: « yes » or « stop » by channel, where one is said.
    ``doubts`` are codes for what could not be read."""

    phone: Phone | None = None
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None
    postal_code: str = ""
    tags: list[str] = field(default_factory=list)
    note: str = ""
    stamps: int = 0
    last_visit: date | None = None
    consents: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def agreed(self) -> list[tuple[channels.Channel, str]]:
        """``consents``, with the channels themselves."""
        return [(channels.named(name), said) for name, said in self.consents.items()]


def read_person(cells: list[str], mapping: dict[str, int], region: str, today: date) -> Person:
    """A line through the mapping; never raises, says its doubts instead."""

    def said(name: str) -> str:
        column = mapping.get(name)
        return cells[column] if column is not None and column < len(cells) else ""

    person = Person(
        first_name=said("first_name")[:60],
        last_name=said("last_name")[:60],
        note=said("note")[:1000],
        consents={
            name: word
            for name in channels.names()
            if (word := read_consent(said(consent_column(name))))
        },
        tags=_tags(said("tags")),
    )
    if not person.first_name and not person.last_name and said("full_name"):
        first, _space, last = said("full_name").partition(" ")
        person.first_name, person.last_name = first[:60], last.strip()[:60]
    if said("phone"):
        person.phone = read_phone_cell(said("phone"), region)
        person.doubts += [] if person.phone else ["phone"]
    if said("email"):
        person.email = read_email(said("email"))
        person.doubts += [] if person.email else ["email"]
    for name in ("birth_date", "last_visit"):
        if said(name):
            day = read_day(said(name), today)
            setattr(person, name, day)
            person.doubts += [] if day else [name]
    if code := said("postal_code").replace(" ", ""):
        code = code.zfill(5) if code.isascii() and code.isdigit() and len(code) == 4 else code
        good = len(code) == 5 and code.isascii() and code.isdigit()
        person.postal_code = code if good else ""
        person.doubts += [] if good else ["postal_code"]
    if said("stamps"):
        count = read_count(said("stamps"))
        person.stamps = count or 0
        person.doubts += [] if count is not None else ["stamps"]
    return person


def _tags(cell: str) -> list[str]:
    names = (" ".join(name.split())[:30] for name in re.split(r"[,;|]", cell))
    return list(dict.fromkeys(name for name in names if name))[:10]
