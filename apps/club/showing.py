"""Where customers come across the club on the shop's other pages.

They ask at each view, and a plan stands for months: each process looks now and then.
"""

import time
from dataclasses import dataclass

from apps.club.models import BELONGS, ClubPlan, Member, State
from apps.contacts.models import Contact
from apps.payments import selling
from apps.shops.models import Shop

_KNOWN_FOR = 30.0  # seconds
_HOLDERS = [state for state in BELONGS if state != State.GIVEN]  # that one has its giver's name


@dataclass(frozen=True, slots=True)
class Club:
    """``is_open``: there is a plan to join, or to wait for."""

    is_open: bool
    has_members: bool


_known: dict[str, tuple[float, Club]] = {}


def forget_known() -> None:
    """Look again: whoever asks must see what is."""
    _known.clear()


def club_of(shop: Shop) -> Club:
    """As it stood a moment ago. Standing in the shop's schema."""
    asked, found = _known.get(shop.schema_name, (0.0, None))
    if found is None or time.monotonic() - asked > _KNOWN_FOR:
        is_open = selling.can_sell(shop) and ClubPlan.objects.open().exists()
        found = Club(is_open, has_members=Member.objects.filter(state__in=_HOLDERS).exists())
        _known[shop.schema_name] = (time.monotonic(), found)
    return found


def memberships(shop: Shop, contact_id: int) -> list[Member]:
    """A person's, also under the records that were merged into theirs."""
    if not club_of(shop).has_members:
        return []
    records = Contact.objects.records_of(contact_id)
    mine = Member.objects.filter(contact__in=records, state__in=_HOLDERS)
    return list(mine.select_related("plan").order_by("pk"))
