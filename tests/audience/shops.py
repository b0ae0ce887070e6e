"""Small shops and choices of people drawn by chance, and the rules read plainly in Python."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone
from hypothesis import strategies as st

from apps.catalog.models import Purchase, PurchaseLine
from apps.contacts.models import ConsentState, Contact
from apps.loyalty.models import Card

TAGS, REGIONS = ("bulles", "jura", "club"), ("FR", "GP", "RE", "")
PLACES = ("21", "2A", "2B", "75011", "97")
SOURCES = ("poster", "counter", "import", "card", "team", "paper")
DAYS = st.integers(1, 120)
COLOURS = ("rouge", "blanc", "rose")


def _rule(key: str, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    turned = st.sampled_from([{}, {"not": True}])
    drawn = st.fixed_dictionaries({"is": st.just(key), **values})
    return st.tuples(drawn, turned).map(lambda both: {**both[0], **both[1]})


def _some(among: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(among), min_size=1, max_size=3, unique=True)


_ages = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)
_visits = st.sampled_from([(0, None), (None, 0), (2, None), (3, 5), (None, 4)])
_spent = st.sampled_from([(1, None), (None, 0), (None, 20), (20, 60), (40, None)])
_within = st.sampled_from(["ever", "365", "90"])
rules = st.one_of(
    _rule("tags", how=st.sampled_from(["any", "every"]), names=_some((*TAGS, "inconnue"))),
    _rule("seen", days=DAYS),
    _rule("unseen", days=DAYS),
    _rule("rhythm", times=st.sampled_from(["1.5", "2", "3"])),
    _visits.flatmap(lambda v: _rule("visits", least=st.just(v[0]), most=st.just(v[1]))),
    _spent.flatmap(
        lambda v: _rule("spent", least=st.just(v[0]), most=st.just(v[1]), within=_within)
    ),
    _rule("colour", how=st.sampled_from(["mostly", "only", "once"]), values=_some(COLOURS)),
    _rule("ready"),
    _rule("near", missing=st.integers(1, 10)),
    _rule("birthday", days=st.integers(1, 90)),
    _ages.flatmap(lambda v: _rule("age", least=st.just(v[0]), most=st.just(v[1]))),
    _rule("place", places=_some(PLACES)),
    _rule("territory", regions=_some(("FR", "GP", "RE"))),
    _rule("source", sources=_some(SOURCES)),
    _rule("new", days=DAYS),
    _rule("enrolled", since=st.dates(date(2026, 6, 1), date(2026, 12, 1)).map(date.isoformat)),
    _rule("channel", by=st.sampled_from(["sms", "email", "any"])),
)
_match = st.sampled_from(["all", "any"])
groups = st.fixed_dictionaries(
    {"match": _match, "rules": st.lists(rules, max_size=4)},
    optional={"not": st.booleans()},
)
criteria_dicts = st.fixed_dictionaries(
    {"groups": st.lists(groups, max_size=3)}, optional={"match": _match}
)


@dataclass(frozen=True)
class Bought:
    """One purchase of one article."""

    days: int
    euros: int
    colour: str
    units: int
    cancelled: bool

    @property
    def ago(self) -> float:
        return self.days + 1 / 24

    def create(self, contact: Contact, now: datetime, reference: str) -> None:
        purchase = Purchase.objects.create(
            contact=contact,
            at=now - timedelta(days=self.ago),
            amount_cents=self.euros * 100,
            source="till",
            reference=reference,
            cancelled_at=now if self.cancelled else None,
        )
        PurchaseLine.objects.create(
            purchase=purchase,
            label="Vin",
            units=self.units,
            amount_cents=self.euros * 100,
            colour=self.colour,
        )


_bought = st.builds(
    Bought,
    days=st.integers(0, 500),
    euros=st.sampled_from([20, 20, 40, -20]),
    colour=st.sampled_from([*COLOURS, ""]),
    units=st.sampled_from([1, 2, -1]),
    cancelled=st.sampled_from([False, False, False, True]),
)


@dataclass(frozen=True)
class Person:
    """One customer as drawn; days are before now."""

    tags: frozenset[str]
    last: int | None
    since: int  # days from the first visit to the last
    bought: tuple[Bought, ...]
    aliased: bool  # bought under a record that was merged into this one
    enrolled: int
    visits: int
    balance: int | None  # None: no card
    ready: int
    born: date | None
    postal_code: str
    region: str
    source: str
    sms: str
    email: str
    bad: bool

    def create(self, now: datetime, number: int) -> Contact:
        return Contact(
            phone=f"+3361200{number:04d}" if self.region else "",
            phone_mobile=bool(self.region),
            phone_region=self.region,
            phone_bad_at=now if self.bad else None,
            email=f"p{number}@exemple.fr" if number % 2 else "",
            sms_consent=self.sms,
            email_consent=self.email,
            birth_date=self.born,
            postal_code=self.postal_code,
            source=self.source,
            last_visit_at=None if self.last is None else now - timedelta(days=self.last, hours=1),
            first_visit_at=None
            if self.last is None
            else now - timedelta(days=self.last + self.since, hours=1),
            created_at=now - timedelta(days=self.enrolled, hours=2),
            visits=self.visits,
        )

    def card(self, contact: Contact, number: int) -> Card | None:
        if self.balance is None:
            return None
        return Card(contact=contact, number=number, balance=self.balance, rewards_ready=self.ready)


persons = st.builds(
    Person,
    tags=st.frozensets(st.sampled_from(TAGS)),
    last=st.one_of(st.none(), st.integers(0, 150)),
    since=st.integers(0, 300),
    bought=st.lists(_bought, max_size=4).map(tuple),
    aliased=st.booleans(),
    enrolled=st.integers(0, 300),
    visits=st.integers(0, 8),
    balance=st.one_of(st.none(), st.integers(0, 10)),
    ready=st.integers(0, 2),
    born=st.one_of(
        st.none(), st.just(date(1996, 2, 29)), st.dates(date(1960, 1, 1), date(2020, 1, 1))
    ),
    postal_code=st.sampled_from(["", "21200", "21000", "20200", "20090", "75011", "97110"]),
    region=st.sampled_from(REGIONS),
    source=st.sampled_from(SOURCES),
    sms=st.sampled_from(ConsentState.values),
    email=st.sampled_from(ConsentState.values),
    bad=st.booleans(),
)
MOMENTS = (datetime(2026, 11, 21, 9), datetime(2027, 2, 25, 9), datetime(2028, 2, 27, 22))


class Plain:
    """The rules as one would say them, person by person: what the SQL must answer."""

    def __init__(self, now: datetime, goal: int) -> None:
        self.now, self.goal, self.today = now, goal, timezone.localdate(now)
        self.bought: list[Bought] = []

    def named(self, data: dict[str, Any], person: Person, card: Card | None, who: Contact) -> bool:
        self.bought, tags = [one for one in person.bought if not one.cancelled], person.tags
        groups = [group for group in data.get("groups", []) if group["rules"]]
        held = []
        for group in groups:
            rules = []
            for rule in group["rules"]:
                test: Callable[..., bool] = getattr(self, rule["is"])
                rules.append(test(rule, who, card, tags) != rule.get("not", False))
            together = all(rules) if group["match"] == "all" else any(rules)
            held.append(together != group.get("not", False))
        return all(held) if data.get("match", "all") == "all" or not held else any(held)

    def days(self, moment: datetime) -> float:
        return (self.now - moment) / timedelta(days=1)

    def utc_day(self, days: float) -> date:
        return (self.now - timedelta(days=days)).astimezone(UTC).date()

    def tags(self, rule, who, card, tags) -> bool:
        worn = [name in tags for name in rule["names"]]
        return all(worn) if rule["how"] == "every" else any(worn)

    def seen(self, rule, who, card, tags) -> bool:
        return who.last_visit_at is not None and self.days(who.last_visit_at) <= rule["days"]

    def unseen(self, rule, who, card, tags) -> bool:
        return not self.seen(rule, who, card, tags)

    def rhythm(self, rule, who, card, tags) -> bool:
        if who.visits < 3 or who.last_visit_at is None:
            return False
        away = self.days(who.last_visit_at)
        usual = (who.last_visit_at - who.first_visit_at) / timedelta(days=1) / (who.visits - 1)
        return away > 14 and away > float(rule["times"]) * usual

    def visits(self, rule, who, card, tags) -> bool:
        least = 0 if rule["least"] is None else rule["least"]
        most = 10**6 if rule["most"] is None else rule["most"]
        return least <= who.visits <= most

    def spent(self, rule, who, card, tags) -> bool:
        start = date.min
        if rule["within"] != "ever":
            start = self.utc_day(int(rule["within"]))
        euros = sum(one.euros for one in self.bought if self.utc_day(one.ago) >= start)
        most = 10**6 if rule["most"] is None else rule["most"]
        return (rule["least"] is None or euros >= rule["least"]) and euros <= most

    def colour(self, rule, who, card, tags) -> bool:
        units: dict[str, int] = {}
        for one in self.bought:
            units[one.colour] = units.get(one.colour, 0) + one.units
        liked = [(-n, colour) for colour, n in units.items() if colour and n > 0]
        colours = [colour for _n, colour in sorted(liked)]
        wanted = set(rule["values"])
        if rule["how"] == "mostly":
            return bool(colours) and colours[0] in wanted
        return bool(colours) and (
            set(colours) <= wanted if rule["how"] == "only" else bool(wanted & set(colours))
        )

    def ready(self, rule, who, card, tags) -> bool:
        return card is not None and card.rewards_ready > 0

    def near(self, rule, who, card, tags) -> bool:
        return card is not None and self.goal - card.balance <= rule["missing"]

    def birthday(self, rule, who, card, tags) -> bool:
        born = who.birth_date
        for n in range(rule["days"]):
            day = self.today + timedelta(days=n)
            last = day.month == 2 and (day + timedelta(days=1)).month == 3
            if born and (born.month, born.day) == (day.month, day.day):
                return True
            if born and last and (born.month, born.day) == (2, 29):
                return True
        return False

    def age(self, rule, who, card, tags) -> bool:
        if not (born := who.birth_date):
            return False
        had = (self.today.month, self.today.day) >= (born.month, born.day)
        return rule["least"] <= self.today.year - born.year - (not had) <= rule["most"]

    def place(self, rule, who, card, tags) -> bool:
        corsica = {"2A": ("200", "201"), "2B": ("202", "206")}
        return any(who.postal_code.startswith(corsica.get(p, p)) for p in rule["places"])

    def territory(self, rule, who, card, tags) -> bool:
        return who.phone_region in rule["regions"]

    def source(self, rule, who, card, tags) -> bool:
        return who.source in rule["sources"]

    def new(self, rule, who, card, tags) -> bool:
        return self.days(who.created_at) <= rule["days"]

    def enrolled(self, rule, who, card, tags) -> bool:
        return timezone.localdate(who.created_at) >= date.fromisoformat(rule["since"])

    def channel(self, rule, who, card, tags) -> bool:
        ways = {
            "sms": who.phone and who.phone_mobile and not who.phone_bad_at and who.sms_consent,
            "email": who.email and not who.email_bad_at and who.email_consent,
        }
        asked = ways.values() if rule["by"] == "any" else [ways[rule["by"]]]
        return ConsentState.GRANTED in asked
