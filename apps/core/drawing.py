"""What is printed or shown as a picture: drawn by Typst from data, never from markup, with the
fonts we ship."""

import json
from pathlib import Path
from typing import Any

import typst
from django.conf import settings

_FONTS = typst.Fonts(
    include_system_fonts=False,
    include_embedded_fonts=False,
    font_paths=[settings.BASE_DIR / "static" / "print"],
)


def draw(drawing: Path, data: dict[str, Any], *, form: str = "", **options: Any) -> bytes:
    """The drawing with ``data`` (and ``form``, for one that has several); it may include its
    neighbours. ``options`` are Typst's: the format, else PDF, and its standards."""
    made = typst.compile(
        drawing,
        root=drawing.parent,
        font_paths=_FONTS,
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data), "form": form},
        **options,
    )
    assert isinstance(made, bytes)
    return made
