"""A shop's logo: whatever was sent, what is kept is a small WebP that we drew ourselves."""

import hashlib
import io
import warnings

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.trail import record
from apps.shops.models import Shop

FORMATS = ("PNG", "JPEG", "WEBP")
EDGE = 512
MAX_PIXELS = 40_000_000  # a 100-megapixel PNG weighs little and unfolds to half a gigabyte


class NotALogo(Refusal):
    message = _("Ce fichier n’est pas une image PNG, JPEG ou WebP lisible.")
    status = 422


class LogoTooHeavy(Refusal):
    message = _("Cette image est trop lourde : 5 Mo au plus.")
    status = 413


def redrawn(file: UploadedFile) -> bytes:
    """WebP, 512 px at most, upright, without EXIF. Raises ``LogoTooHeavy`` or ``NotALogo``."""
    if (file.size or 0) > settings.MAX_LOGO_BYTES:
        raise LogoTooHeavy()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(file, formats=FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise NotALogo()
            image.draft("RGB", (EDGE, EDGE))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((EDGE, EDGE))
            plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombWarning) as error:
        raise NotALogo() from error
    except Image.DecompressionBombError as error:
        raise NotALogo() from error
    clean = Image.new(plain.mode, plain.size)  # pixels only: no EXIF, no profile, no comment
    clean.paste(plain)
    kept = io.BytesIO()
    clean.save(kept, "WEBP", quality=90, method=4)
    return kept.getvalue()


def set_logo(*, shop: Shop, file: UploadedFile | None, by: Actor) -> str:
    """Keep the logo under the hash of its content (``None``: take it off); returns its name."""
    name = ""
    if file is not None:
        content = redrawn(file)
        name = f"{shop.schema_name}/{hashlib.sha256(content).hexdigest()[:32]}.webp"
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(content))
    with transaction.atomic():
        row = Shop.objects.select_for_update().get(pk=shop.pk)
        before, row.logo = row.logo, name
        row.save(update_fields=["logo"])
        if before != name:
            record(by, "shop.logo", "shop", shop.pk, before={"logo": before}, after={"logo": name})
            if before:
                transaction.on_commit(lambda: default_storage.delete(before))
    return name
