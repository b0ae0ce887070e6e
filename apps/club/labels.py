"""The labels of a round's parcels and boxes, as one PDF that the worker draws.

A file is named by the hash of all that is on it. Only the last one is kept, as long as its round
is open: it holds names and addresses.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.formats import date_format

from apps.club.box_models import Box, BoxState, Round
from apps.club.models import Handover
from apps.core import drawing
from apps.core.jobs import enqueue
from apps.core.templatetags.french import de_mois
from apps.core.tenancy import current_schema
from apps.shops.services import shop_here

DRAW = "apps.club.box_tasks.draw_labels"
_DRAWING = Path(__file__).with_name("print") / "labels.typ"


def ask(one: Round, said: dict[str, Any], *, again: bool = True) -> bool:
    """Whether the labels lie there that say ``said``; else the worker draws them, if ``again``."""
    is_there = one.labels == _name(one, said)
    if not is_there and again:
        enqueue(DRAW, one.pk, urgent=True)
    return is_there


def make(round_id: int) -> None:
    """The worker's part; again it is left as it is. The one before goes away."""
    found = Round.objects.get(pk=round_id)
    said = words(found)
    name = _name(found, said)
    if found.labels == name:
        return
    if not default_storage.exists(name):
        default_storage.save(
            name, ContentFile(drawing.draw(_DRAWING, said, pdf_standards=["ua-1"]))
        )
    Round.objects.filter(pk=round_id).update(labels=name)
    if found.labels:
        default_storage.delete(found.labels)


def forget(round_id: int) -> None:
    """Names and addresses are kept no longer than they serve; twice is once."""
    found = Round.objects.get(pk=round_id)
    if found.labels:
        default_storage.delete(found.labels)
        Round.objects.filter(pk=round_id).update(labels="")


def _name(one: Round, said: dict[str, Any]) -> str:
    by = hashlib.sha256(_DRAWING.read_bytes())
    by.update(json.dumps(said, sort_keys=True).encode())
    return f"{current_schema()}/club/etiquettes-{one.pk}-{by.hexdigest()[:32]}.pdf"


def words(one: Round) -> dict[str, Any]:
    """What the sheet says: parcels first, then what is fetched, each by name."""
    boxes = Box.objects.filter(round=one, state__in=[BoxState.OPEN, BoxState.PACKED])
    found = list(boxes.select_related("member__plan", "member__contact__merged_into"))
    found.sort(key=lambda box: (not box.is_shipped, box.member.person.search, box.pk))
    month = date_format(one.month, "F Y")
    return {
        "title": f"Étiquettes, box {de_mois(one.month)}",
        "shop": shop_here().name,
        "labels": [_label(box, month) for box in found],
    }


def _label(box: Box, month: str) -> dict[str, Any]:
    member, person = box.member, box.member.person
    lines = ["À retirer en boutique"]
    if member.handover == Handover.SHIPPING:
        lines = [member.street, f"{member.postal_code} {member.city}"]
    return {
        "name": person.full_name or "Sans nom",
        "lines": lines,
        "box": f"{member.plan.name} · {month}",
        "number": f"{box.bottles} bout. · n° {box.pk}",
    }
