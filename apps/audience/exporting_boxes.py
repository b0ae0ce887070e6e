"""The boxes of the club that people had: for the archive and one's own file."""

from collections.abc import Iterator

from apps.audience.exporting import Row, Table, of_person
from apps.club.box_models import Box
from apps.core.sheets import BATCH


def _boxes(contact: int | None) -> Iterator[Row]:
    rows = Box.objects.filter(of_person("member__contact__", contact)).order_by("pk")
    rows = rows.select_related("round", "member__plan")
    for box in rows.prefetch_related("lines__variant__product").iterator(chunk_size=BATCH):
        content = ", ".join(f"{line.units} x {line.variant.full_name}" for line in box.lines.all())
        yield (
            box.member.contact_id,
            box.round.month,
            box.member.plan.name,
            content,
            box.get_state_display(),
            box.packed_at,
            box.ended_at,
            box.tracking,
            "oui" if box.id_checked else "",
        )


TABLES = (
    Table(
        "box",
        (
            "Client",
            "Mois",
            "Formule",
            "Bouteilles",
            "État",
            "Prête le",
            "Partie le",
            "Suivi",
            "Âge vérifié",
        ),
        _boxes,
    ),
)
