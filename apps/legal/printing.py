"""A kept text on paper: PDF/A, in the shop's colour, with what proves it on its foot."""

from datetime import date
from functools import lru_cache
from pathlib import Path

from django.utils import timezone

from apps.core import drawing
from apps.core.templatetags.french import jour
from apps.invoicing.seal import digest
from apps.legal.models import Kind, Version
from apps.legal.reading import blocks
from apps.shops.models import Shop

_DRAWING = Path(__file__).with_name("print") / "text.typ"


def drawn(version: Version, shop: Shop) -> bytes:
    """A version never changes: drawn once in each process."""
    return _drawn(
        kind=Kind(version.kind),
        number=version.number,
        day=timezone.localdate(version.at),
        body=version.body,
        name=shop.legal_name or shop.name,
        accent=shop.accent,
    )


@lru_cache(maxsize=32)
def _drawn(*, kind: Kind, number: int, day: date, body: str, name: str, accent: str) -> bytes:
    is_form = kind == Kind.WITHDRAWAL
    data = {
        "title": str(kind.label),
        "shop": name,
        "since": f"Version {number}, publiée le {jour(day)}",
        "day": [day.year, day.month, day.day],
        "hash": digest(body),
        "accent": accent,
        "blocks": [
            {
                "kind": block.kind,
                "lines": block.lines,
                "fill": is_form and block.lines[0].endswith(":"),  # by hand
            }
            for block in blocks(body)
        ],
    }
    return drawing.draw(_DRAWING, data, pdf_standards=["a-3b"])
