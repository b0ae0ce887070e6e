"""A request that passed a door of the team."""

from dataclasses import replace

from django_htmx.middleware import HtmxDetails

from apps.accounts.models import Membership, User
from apps.core.actor import Actor, Place
from apps.shops.requests import ShopRequest


class TeamRequest(ShopRequest):
    """Behind ``@door(Right…)`` there is a user, and the user is a member of the shop."""

    user: User  # type: ignore[assignment]
    membership: Membership
    htmx: HtmxDetails


def actor(request: TeamRequest) -> Actor:
    """Who acts, where, and on which phone of the shop, for the ledgers and the trail."""
    place: Place = "counter" if request.path.startswith("/comptoir/") else "office"
    return replace(request.membership.actor, place=place)
