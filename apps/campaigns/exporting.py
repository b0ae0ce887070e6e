"""What people asked of drops and were given by messages: for the archive and one's own file."""

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Max, Q

from apps.audience.exporting import Row, Table, of_person
from apps.campaigns.lot_models import Booking
from apps.campaigns.models import Send
from apps.core.sheets import BATCH


def _asked(contact: int | None) -> Iterator[Row]:
    rows = Booking.objects.filter(of_person("contact__", contact)).order_by("pk")
    rows = rows.select_related("lot__drop", "lot__variant__product")
    for booking in rows.iterator(chunk_size=BATCH):
        yield (
            booking.contact_id,
            booking.lot.drop.title,
            booking.lot.name,
            booking.units,
            Decimal(booking.cents) / 100,
            booking.get_state_display(),
            booking.at,
            booking.answer_by,
            booking.ended_at,
            "équipe" if booking.by_team else "client",
            "oui" if booking.id_checked else "",
        )


def _codes(contact: int | None) -> Iterator[Row]:
    used = Max("uses__at", filter=Q(uses__undone_at=None))
    rows = Send.objects.filter(of_person("contact__", contact)).exclude(code=None)
    rows = rows.annotate(used=used).select_related("drop", "run__trigger").order_by("pk")
    for send in rows.iterator(chunk_size=BATCH):
        by = send.source
        yield send.contact_id, by.title, by.offer, send.code, by.offer_until, send.used


TABLES = (
    Table(
        "demandes",
        (
            "Client",
            "Message",
            "Article",
            "Quantité",
            "Prix",
            "État",
            "Demandée le",
            "Répond avant",
            "Finie le",
            "Par",
            "Âge vérifié",
        ),
        _asked,
    ),
    Table(
        "codes", ("Client", "Message", "Offre", "Code", "Valable jusqu’au", "Utilisé le"), _codes
    ),
)
