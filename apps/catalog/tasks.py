"""Work off the request: photos drawn, promises that lapse."""

from typing import cast

from django.apps import apps
from django.utils import timezone

from apps.catalog.models import Photographed, Reservation
from apps.catalog.services import photos, stock
from apps.core.actor import Actor, Kind
from apps.shops.services import every_open_shop


def draw_photo(label: str, pk: int, raw: str, actor_kind: str, actor_id: int) -> None:
    """``label`` names the model whose row the photo is of, in this room or above it."""
    model = cast(type[Photographed], apps.get_model(label))
    photos.draw(model, pk, raw, Actor(cast(Kind, actor_kind), actor_id or None))


def sweep_reservations() -> None:
    """Recurring, in public: what nobody fetched in time goes back to the shelf."""
    now = timezone.now()
    for _ in every_open_shop():
        if Reservation.objects.overdue(now).exists():
            stock.release_overdue(now)
