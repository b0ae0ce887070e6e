"""Everything a shop knows of its people, as CSV and JSON: any day, in one click.

The archive is made while it is sent: rows come from the database in batches, so its size costs
no memory. One column list serves the CSV, the JSON and a single person's file.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import chain, islice
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from apps.audience.queries import names_of
from apps.catalog.models import Purchase, Reservation
from apps.catalog.queries import Spending, spending_of
from apps.contacts import channels
from apps.contacts.models import ConsentEvent, ConsentState, Contact
from apps.core.phone import show_phone
from apps.core.sheets import BATCH, Style, csv_pieces
from apps.core.tenancy import in_schema
from apps.invoicing.models import Invoice
from apps.loyalty.models import Movement, Reward
from apps.loyalty.referral_models import Referral
from apps.messaging.models import Message, Reply
from apps.shops.models import Shop

ENOUGH = 64 * 1024  # bytes gathered before they are sent

Row = tuple[Any, ...]


class _Names(dict[tuple[str, int | None], str]):
    """Who acted, looked up once each."""

    def __missing__(self, actor: tuple[str, int | None]) -> str:
        self[actor] = names_of([actor])[actor]
        return self[actor]


def of_person(path: str, contact: int | None) -> Q:
    """Everybody's, or what lies at ``path`` from one person and the records merged into her."""
    if contact is None:
        return Q()
    return Q(**{f"{path}pk": contact}) | Q(**{f"{path}merged_into": contact})


def _contacts(contact: int | None) -> Iterator[Row]:
    languages = dict(settings.LANGUAGES)
    rows = Contact.objects.filter(of_person("", contact)).select_related("card")
    people = rows.prefetch_related("tags").order_by("pk").iterator(chunk_size=BATCH)
    for c, spent in _with_spending(people):
        card = getattr(c, "card", None)
        yield (
            c.pk,
            c.first_name,
            c.last_name,
            show_phone(c.phone).replace("\u00a0", " "),
            c.email,
            c.birth_date,
            c.adult_declared_at,
            c.postal_code,
            languages.get(c.language, c.language),
            ", ".join(tag.name for tag in c.tags.all()),
            c.note,
            c.get_sms_consent_display(),
            c.get_email_consent_display(),
            _further(c),
            card.number if card else None,
            card.balance if card else None,
            card.rewards_ready if card else None,
            c.visits,
            c.last_visit_at,
            c.created_at,
            c.get_source_display(),
            c.merged_into_id,
            spent.purchases,
            Decimal(spent.year_cents) / 100,
            Decimal(spent.cents) / 100,
            spent.last_at,
        )


def _with_spending(people: Iterator[Contact]) -> Iterator[tuple[Contact, Spending]]:
    """What each spent, a batch of people at a time."""
    now = timezone.now()
    while batch := list(islice(people, BATCH)):
        spent = spending_of(batch, now)
        for person in batch:
            yield person, spent.get(person.pk, Spending())


def _further(contact: Contact) -> str:
    """« WhatsApp : accepté », of the channels that have no column."""
    ways = (channels.named(name) for name in contact.ways)
    said = ((way, ConsentState(way.consent_of(contact))) for way in ways)
    return ", ".join(f"{way} : {state.label}" for way, state in said)


def _consents(contact: int | None) -> Iterator[Row]:
    names = _Names()
    rows = ConsentEvent.objects.filter(of_person("contact__", contact)).order_by("pk")
    for e in rows.iterator(chunk_size=BATCH):
        by = names[e.actor_kind, e.actor_id]
        yield (
            e.contact_id,
            e.get_channel_display(),
            e.get_state_display(),
            e.wording,
            e.get_source_display(),
            e.at,
            by,
        )


def _stamps(contact: int | None) -> Iterator[Row]:
    names = _Names()
    rows = Movement.objects.filter(of_person("card__contact__", contact)).select_related("card")
    for m in rows.order_by("pk").iterator(chunk_size=BATCH):
        amount = None if m.amount_cents is None else Decimal(m.amount_cents) / 100
        by = names[m.actor_kind, m.actor_id]
        kind = m.get_kind_display()
        yield m.card.contact_id, m.card.number, kind, m.stamps, amount, m.at, by


def _rewards(contact: int | None) -> Iterator[Row]:
    rows = Reward.objects.filter(of_person("card__contact__", contact))
    rows = rows.select_related("card", "redemption").order_by("pk")
    for r in rows.iterator(chunk_size=BATCH):
        given = r.redemption.at if hasattr(r, "redemption") else None
        yield r.card.contact_id, r.card.number, r.label, r.won_at, given, r.taken_back_at


def _referrals(contact: int | None) -> Iterator[Row]:
    """Of somebody's own file too those who brought them, and whom they brought: by number."""
    theirs = of_person("sponsor__contact__", contact) | of_person("friend__contact__", contact)
    rows = Referral.objects.filter(theirs).select_related("sponsor", "friend", "visit")
    for r in rows.order_by("pk").iterator(chunk_size=BATCH):
        came = r.visit.at if r.visit else None
        yield (
            r.sponsor.contact_id,
            r.friend.contact_id,
            r.followed_at,
            r.created_at,
            came,
            r.get_state_display(),
            r.get_doubt_display(),
            r.sponsor_gets,
            r.friend_gets,
        )


def _purchases(contact: int | None) -> Iterator[Row]:
    rows = Purchase.objects.filter(of_person("contact__", contact)).prefetch_related("lines")
    for p in rows.order_by("pk").iterator(chunk_size=BATCH):
        total = Decimal(p.amount_cents) / 100
        head = (p.contact_id, p.pk, p.at, p.get_source_display(), p.reference, total)
        tail = (p.cancelled_at,)
        yield (*head, None, None, None, *tail)
        for line in p.lines.all():
            amount = Decimal(line.amount_cents) / 100
            yield (*head, line.label, line.units, amount, *tail)


def _invoices(contact: int | None) -> Iterator[Row]:
    rows = Invoice.objects.filter(of_person("contact__", contact)).with_balance()
    for bill in rows.select_related("corrects").order_by("pk").iterator(chunk_size=BATCH):
        cents = (bill.net_cents, bill.vat_cents, bill.total_cents, bill.paid)
        amounts = [Decimal(one) / 100 for one in cents]
        corrects = bill.corrects.number if bill.corrects else ""
        yield (bill.contact_id, bill.number, bill.issued_on, bill.buyer, *amounts, corrects)


def _reservations(contact: int | None) -> Iterator[Row]:
    rows = Reservation.objects.filter(of_person("contact__", contact))
    rows = rows.select_related("variant__product").order_by("pk")
    for r in rows.iterator(chunk_size=BATCH):
        ending = r.get_ending_display() if r.ending else ""
        yield r.contact_id, r.variant.full_name, r.units, r.at, ending, r.ended_at


def _messages(contact: int | None) -> Iterator[Row]:
    rows = Message.objects.filter(of_person("contact__", contact)).order_by("pk")
    for m in rows.iterator(chunk_size=BATCH):
        yield (
            m.contact_id,
            m.get_channel_display(),
            m.get_kind_display(),
            m.to,
            m.subject,
            m.body,
            m.get_status_display(),
            m.created_at,
            m.sent_at,
        )


def _replies(contact: int | None) -> Iterator[Row]:
    rows = Reply.objects.filter(of_person("contact__", contact)).order_by("pk")
    for r in rows.iterator(chunk_size=BATCH):
        meaning = r.get_meaning_display() if r.meaning else ""
        yield r.contact_id, r.channel_name, r.sender, r.subject, r.body, meaning, r.at


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: Callable[[int | None], Iterator[Row]]


TABLES = (
    Table(
        "contacts",
        (
            "Client",
            "Prénom",
            "Nom",
            "Téléphone",
            "E-mail",
            "Date de naissance",
            "Majorité déclarée le",
            "Code postal",
            "Langue",
            "Étiquettes",
            "Note",
            "Accord SMS",
            "Accord e-mail",
            "Autres accords",
            "Carte",
            "Tampons",
            "Récompenses à remettre",
            "Visites",
            "Dernière visite",
            "Inscrit le",
            "Origine",
            "Fusionné dans",
            "Achats",
            "Dépensé en 12 mois",
            "Dépensé en tout",
            "Dernier achat",
        ),
        _contacts,
    ),
    Table(
        "consentements",
        ("Client", "Canal", "État", "Texte", "Source", "Le", "Par"),
        _consents,
    ),
    Table(
        "tampons",
        ("Client", "Carte", "Mouvement", "Tampons", "Montant", "Le", "Par"),
        _stamps,
    ),
    Table(
        "recompenses",
        ("Client", "Carte", "Récompense", "Gagnée le", "Remise le", "Retirée le"),
        _rewards,
    ),
    Table(
        "parrainages",
        (
            "Parrain",
            "Ami",
            "Lien suivi le",
            "Carte prise le",
            "Venu le",
            "État",
            "Doute",
            "Cadeau du parrain",
            "Cadeau de l’ami",
        ),
        _referrals,
    ),
    Table(
        "achats",
        (
            "Client",
            "Achat",
            "Le",
            "Source",
            "Référence",
            "Total",
            "Article",
            "Quantité",
            "Montant",
            "Annulé le",
        ),
        _purchases,
    ),
    Table(
        "factures",
        ("Client", "Numéro", "Le", "Au nom de", "HT", "TVA", "TTC", "Payé", "Corrige"),
        _invoices,
    ),
    Table(
        "reservations",
        ("Client", "Article", "Quantité", "Demandée le", "Fin", "Finie le"),
        _reservations,
    ),
    Table(
        "messages",
        ("Client", "Canal", "Genre", "À", "Objet", "Texte", "État", "Créé le", "Envoyé le"),
        _messages,
    ),
    Table(
        "reponses",
        ("Client", "Canal", "De", "Objet", "Texte", "Demande", "Le"),
        _replies,
    ),
)


@cache
def tables() -> tuple[Table, ...]:
    """Those of every room (``config/exports.py``)."""
    listed = map(import_string, import_string(settings.EXPORTS))
    return tuple(chain.from_iterable(listed))


def file_name(shop: Shop, today: date) -> str:
    """``cave-du-marche-2026-11-21.zip``."""
    return f"{shop.slug}-{today.isoformat()}.zip"


def archive(shop: Shop, style: Style) -> Iterator[bytes]:
    """The ZIP, piece by piece: a CSV for each table, and all of them again as one JSON."""
    sink = _Sink()
    with in_schema(shop.schema_name):
        with ZipFile(sink, "w", ZIP_DEFLATED) as made:  # type: ignore[call-overload]
            for table in tables():
                with made.open(f"{table.name}.csv", "w", force_zip64=True) as entry:
                    for piece in csv_pieces(table.columns, table.rows(None), style):
                        entry.write(piece)
                        yield from sink.take(ENOUGH)
            with made.open("tout.json", "w", force_zip64=True) as entry:
                for text in json_pieces(None):
                    entry.write(text.encode())
                    yield from sink.take(ENOUGH)
        yield from sink.take()


class _Sink:
    """What ZipFile writes into: no seeking, so it says sizes after each entry."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def take(self, least: int = 1) -> Iterator[bytes]:
        if self.size >= least:
            yield b"".join(self.parts)
            self.parts, self.size = [], 0


def json_pieces(contact: int | None) -> Iterator[str]:
    """One JSON object with a list for each table; of one person when ``contact`` is given."""
    head = "{"
    for table in tables():
        yield f"{head}\n{json.dumps(table.name)}: ["
        comma = ""
        for row in table.rows(contact):
            values = dict(zip(table.columns, row, strict=True))
            yield f"{comma}\n{json.dumps(values, default=_plain, ensure_ascii=False)}"
            comma = ","
        yield "\n]"
        head = ","
    yield "\n}\n"


def _plain(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value)  # Decimal and lazy French labels
