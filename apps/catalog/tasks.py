"""Work off the request: photos drawn, promises that lapse."""

from typing import cast

from django.apps import apps
from django.utils import timezone

from apps.catalog.models import Photographed
from apps.catalog.services import photos, stock
from apps.core import due
from apps.core.actor import Actor, Kind


def draw_photo(label: str, pk: int, raw: str, actor_kind: str, actor_id: int) -> None:
    """``label`` names the model whose row the photo is of, in this room or above it."""
    model = cast(type[Photographed], apps.get_model(label))
    photos.draw(model, pk, raw, Actor(cast(Kind, actor_kind), actor_id or None))


def release_overdue() -> None:
    """What nobody fetched in time goes back to the shelf."""
    stock.release_overdue(timezone.now())


def look_at_reservations() -> None:
    """Recurring, in public: where a reservation's moment has passed."""
    due.look(stock.DUE, release_overdue)
