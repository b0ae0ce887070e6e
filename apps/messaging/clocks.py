"""``hours.next_allowed`` put to the database: the first allowed moment of many people at once."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    CharField,
    Count,
    DateTimeField,
    F,
    Func,
    JSONField,
    Min,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Concat, Greatest
from django.db.models.lookups import Exact

from apps.contacts.models import Contact
from apps.messaging.holding import NEVER
from apps.messaging.hours import Place, place_of, windows
from apps.shops.models import Shop

_MOMENTS = ArrayField(DateTimeField())


@dataclass(frozen=True, slots=True)
class Clocks:
    """The hours of every place a shop's people live in, from ``now`` to ``until``.

    ``usual`` are those of most people; ``elsewhere`` the others', each with the phone regions and
    post codes (``"FR:67000"``) that keep it.
    """

    now: datetime
    until: datetime
    cap: timedelta
    usual: "Hours"
    elsewhere: Sequence[tuple["Hours", Sequence[str]]]

    def goes_at(self) -> Combinable:
        """When a person may be written to again: the shop's cap, then the hours where they live.

        Past ``until`` it may be any moment past it.
        """
        free: Combinable = Value(self.now, DateTimeField())
        if self.cap:
            free = Greatest(free, F("last_commercial_at") + self.cap)
        if not self.elsewhere:
            return self.usual.first_from(free)
        number = {key: str(n) for n, (_, keys) in enumerate(self.elsewhere) for key in keys}
        lives = Concat("phone_region", Value(":"), "postal_code", output_field=CharField())
        there = Func(
            Value(number, JSONField()),
            lives,
            template="(%(expressions)s)",
            arg_joiner=" ->> ",
            output_field=CharField(),
        )
        return Case(
            *(
                When(Exact(there, Value(str(n))), then=hours.first_from(free))
                for n, (hours, _) in enumerate(self.elsewhere)
            ),
            default=self.usual.first_from(free),
        )


@dataclass(frozen=True, slots=True)
class Hours:
    """The windows of one place, one after the other; the last opens at no time."""

    opens: Sequence[datetime]
    closes: Sequence[datetime]

    def first_from(self, free: Combinable) -> Combinable:
        over = Func(free, Value(self.closes, _MOMENTS), function="width_bucket")
        opens = Value([*self.opens, NEVER], _MOMENTS)
        opening = Func(
            opens,
            over,  # how many windows are over by then
            template="(%(expressions)s]",
            arg_joiner=")[1 + ",
            output_field=DateTimeField(),
        )
        return Greatest(free, opening)


def clocks(shop: Shop, now: datetime, until: datetime) -> Clocks:
    """By a phone's region and a post code, all that occur: so that no person waits for Python."""
    found = Contact.objects.living().values_list("phone_region", "postal_code").order_by()
    keys: dict[Place, list[str]] = defaultdict(list)
    people: Counter[Place] = Counter()
    for region, postal_code, phone, many in found.annotate(Min("phone"), Count("pk")):
        place = place_of(shop, phone, postal_code)
        keys[place].append(f"{region}:{postal_code}")
        people[place] += many
    places = [place for place, _many in people.most_common()] or [place_of(shop, "")]
    usual, *others = (_hours(place, shop, now, until) for place in places)
    elsewhere = [(hours, keys[place]) for hours, place in zip(others, places[1:], strict=True)]
    return Clocks(now, until, timedelta(days=shop.cap_days), usual, elsewhere)


def _hours(place: Place, shop: Shop, now: datetime, until: datetime) -> Hours:
    during = list(takewhile(lambda window: window[0] <= until, windows(place, shop, now)))
    return Hours([opens for opens, _ in during], [closes for _, closes in during])
