"""A photo: taken in at once, drawn in three sizes by the worker, named by its hash."""

import hashlib
import io
from functools import partial
from uuid import uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.catalog.models import Photographed
from apps.core.actor import Actor
from apps.core.jobs import enqueue
from apps.core.pictures import NotAPicture, check, redrawn
from apps.core.refusal import Refusal
from apps.core.tenancy import current_schema

SIZES = {"s": 240, "m": 720, "l": 1600}
DRAW = "apps.catalog.tasks.draw_photo"


class PhotoTooHeavy(Refusal):
    message = _("Cette photo est trop lourde : 15 Mo au plus.")
    status = 413


def stored_name(photo: str, size: str) -> str:
    """Where a drawn photo lies in the storage."""
    return f"{current_schema()}/photos/{photo}-{size}.webp"


def set_photo(*, of: Photographed, file: UploadedFile | None, by: Actor) -> None:
    """Take the photo in and have it drawn (``None``: take it off). The old one shows until then.

    Raises ``PhotoTooHeavy``, ``NotAPicture``.
    """
    model = type(of)
    if file is None:
        _show(model, of.pk, "", by)
        return
    if (file.size or 0) > settings.MAX_PHOTO_BYTES:
        raise PhotoTooHeavy()
    check(file)
    raw = f"{uuid4().hex}.raw"
    default_storage.save(f"{current_schema()}/photos/{raw}", file)
    with transaction.atomic():
        model._default_manager.filter(pk=of.pk).update(drawing=raw)
        enqueue(DRAW, model._meta.label, of.pk, raw, by.kind, by.id or 0)


def draw(model: type[Photographed], pk: int, raw: str, by: Actor) -> None:
    """The worker's part: three sizes from what was sent, which is then gone. May run twice.

    A photo that was replaced meanwhile is not drawn; one that no reader understands is dropped.
    """
    lies = f"{current_schema()}/photos/{raw}"
    waiting = model._default_manager.filter(pk=pk, drawing=raw)
    if waiting.exists() and default_storage.exists(lies):
        with default_storage.open(lies) as file:
            content = file.read()
        photo = hashlib.sha256(content).hexdigest()[:32]
        try:
            for size, edge in SIZES.items():
                _keep(stored_name(photo, size), redrawn(io.BytesIO(content), edge, quality=82))
        except NotAPicture:
            waiting.update(drawing="")
        else:
            _show(model, pk, photo, by, drawn=raw)
    default_storage.delete(lies)


def _keep(name: str, content: bytes) -> None:
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(content))


@transaction.atomic
def _show(
    model: type[Photographed], pk: int, photo: str, by: Actor, *, drawn: str | None = None
) -> None:
    found = model._default_manager.select_for_update().get(pk=pk)
    if drawn is not None and found.drawing != drawn:
        return
    before, found.image, found.drawing = found.image, photo, ""
    found.save(update_fields=["image", "drawing"])
    if before == photo:
        return
    name = model._meta.model_name or ""
    record(by, f"{name}.photo", name, pk, after={"photo": bool(photo)})
    if before and not _is_shown(before):
        for size in SIZES:
            transaction.on_commit(partial(default_storage.delete, stored_name(before, size)))


def _is_shown(photo: str) -> bool:
    """Whether anything still has this photo: the same file is kept once."""
    return any(
        model._default_manager.filter(image=photo).exists()
        for model in Photographed.__subclasses__()
    )
