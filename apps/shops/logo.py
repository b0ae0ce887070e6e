"""A shop's logo: whatever was sent, what is kept is a small WebP that we drew ourselves."""

import hashlib

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.pictures import redrawn
from apps.core.refusal import Refusal
from apps.core.trail import record
from apps.shops.facts import ShopChanged
from apps.shops.models import Shop

EDGE = 512


class LogoTooHeavy(Refusal):
    message = _("Cette image est trop lourde : 5 Mo au plus.")
    status = 413


def set_logo(*, shop: Shop, file: UploadedFile | None, by: Actor) -> str:
    """Keep the logo under the hash of its content (``None``: take it off); returns its name.

    Raises ``LogoTooHeavy``, ``NotAPicture``.
    """
    name = ""
    if file is not None:
        if (file.size or 0) > settings.MAX_LOGO_BYTES:
            raise LogoTooHeavy()
        content = redrawn(file, EDGE)
        name = f"{shop.schema_name}/{hashlib.sha256(content).hexdigest()[:32]}.webp"
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(content))
    with transaction.atomic():
        row = Shop.objects.select_for_update().get(pk=shop.pk)
        before, row.logo = row.logo, name
        row.save(update_fields=["logo"])
        if before != name:
            record(by, "shop.logo", "shop", shop.pk, before={"logo": before}, after={"logo": name})
            announce(ShopChanged(shop_id=shop.pk))
            if before:
                transaction.on_commit(lambda: default_storage.delete(before))
    return name
