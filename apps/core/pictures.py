"""Pictures people send: whatever came, what is kept was drawn by us, without EXIF."""

import io
import warnings
from typing import IO

from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from apps.core.refusal import Refusal

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 40_000_000  # a 100-megapixel PNG weighs little and unfolds to half a gigabyte


class NotAPicture(Refusal):
    message = _("Ce fichier n’est pas une image PNG, JPEG ou WebP lisible.")
    status = 422


def _opened(file: IO[bytes]) -> Image.Image:
    image = Image.open(file, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise NotAPicture()
    return image


def check(file: IO[bytes]) -> None:
    """Cheap: the head of the file says a picture of a size we draw. Raises ``NotAPicture``."""
    _guarded(file, None)
    file.seek(0)


def redrawn(file: IO[bytes], edge: int, *, quality: int = 90) -> bytes:
    """WebP, ``edge`` pixels at most, upright, pixels only. Raises ``NotAPicture``."""
    plain = _guarded(file, edge)
    clean = Image.new(plain.mode, plain.size)  # no EXIF, no profile, no comment
    clean.paste(plain)
    kept = io.BytesIO()
    clean.save(kept, "WEBP", quality=quality, method=4)
    return kept.getvalue()


def _guarded(file: IO[bytes], edge: int | None) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = _opened(file)
            if edge is None:
                return image
            image.draft("RGB", (edge, edge))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((edge, edge))
            return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombWarning) as error:
        raise NotAPicture() from error
    except Image.DecompressionBombError as error:
        raise NotAPicture() from error
