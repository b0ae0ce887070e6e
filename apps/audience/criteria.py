"""Who a message is for: criteria in groups, the people they name, and who it reaches.

Criteria are kept as a JSON dict; ``Criteria.read`` is the only way in. Everything here reads;
nothing changes a person.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any, Self

from django.db.models import Case, CharField, Count, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audience.rules import BY_KEY, Moment, Rule, WrongCriteria, listed, years_before
from apps.contacts import channels as known
from apps.contacts.models import Contact, standing
from apps.loyalty.services import the_programme
from apps.messaging.clocks import Clocks
from apps.shops.models import Shop

MOST_GROUPS, MOST_RULES = 6, 8  # a group's rules: more is nobody's sentence
ALL, ANY = "all", "any"


def _match(data: Mapping[str, Any]) -> str:
    match = data.get("match", ALL)
    if match not in (ALL, ANY):
        raise WrongCriteria("match")
    return str(match)


def _refused(data: Mapping[str, Any]) -> bool:
    refused = data.get("not", False)
    if not isinstance(refused, bool):
        raise WrongCriteria("not")
    return refused


def _known(data: Any, *names: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise WrongCriteria("?")
    if unknown := set(data) - set(names):
        raise WrongCriteria(str(min(unknown, key=str))[:40])
    return data


def _some(data: Mapping[str, Any], name: str, most: int) -> list[Any]:
    found = data.get(name, [])
    if not isinstance(found, list) or len(found) > most:
        raise WrongCriteria(name)
    return found


def _together(wheres: list[Q], match: str) -> Q:
    return reduce(and_ if match == ALL else or_, wheres, Q())


@dataclass(frozen=True, slots=True)
class One:
    """A criterion, or everybody but those it names."""

    rule: Rule
    refused: bool = False

    @classmethod
    def read(cls, data: Any) -> Self:
        if not isinstance(data, dict) or data.get("is") not in BY_KEY:
            raise WrongCriteria(str(data.get("is"))[:40] if isinstance(data, dict) else "?")
        values = {name: value for name, value in data.items() if name not in {"is", "not"}}
        return cls(BY_KEY[data["is"]].read(values), _refused(data))

    def as_dict(self) -> dict[str, Any]:
        turned = {"not": True} if self.refused else {}
        return {"is": self.rule.key, **turned, **self.rule.as_dict()}

    def where(self, at: Moment) -> Q:
        found = self.rule.where(at)
        return ~found if self.refused else found

    def said(self) -> str:
        return self.rule.unsaid() if self.refused else self.rule.said()


@dataclass(frozen=True, slots=True)
class Group:
    """Criteria of which each must hold, or any; or everybody but those."""

    ones: tuple[One, ...]
    match: str = ALL
    refused: bool = False

    @classmethod
    def read(cls, data: Any) -> Self:
        data = _known(data, "match", "not", "rules")
        ones = tuple(One.read(one) for one in _some(data, "rules", MOST_RULES))
        match = _match(data)  # between one and nobody it says nothing
        return cls(ones, match if len(ones) > 1 else ALL, _refused(data))

    def as_dict(self) -> dict[str, Any]:
        match = {"match": ANY} if self.match == ANY else {}
        turned = {"not": True} if self.refused else {}
        return {**match, **turned, "rules": [one.as_dict() for one in self.ones]}

    def where(self, at: Moment) -> Q:
        found = _together([one.where(at) for one in self.ones], self.match)
        return ~found if self.refused else found

    def said(self) -> str:
        words = listed([one.said() for one in self.ones], "et" if self.match == ALL else "ou")
        return f"sauf ceux {words}" if self.refused else words


@dataclass(frozen=True, slots=True)
class Criteria:
    """Groups of which each must hold, or any. Without a group: everybody."""

    groups: tuple[Group, ...] = ()
    match: str = ALL

    @classmethod
    def of(cls, *rules: Rule, match: str = ALL) -> Self:
        """One group of these."""
        return cls((Group(tuple(One(rule) for rule in rules), match),)) if rules else cls()

    @classmethod
    def read(cls, data: Any) -> Self:
        """From a JSON dict. Raises ``WrongCriteria`` for what it does not know."""
        data = _known(data, "match", "groups")
        read = [Group.read(group) for group in _some(data, "groups", MOST_GROUPS)]
        groups = tuple(group for group in read if group.ones)
        match = _match(data)
        return cls(groups, match if len(groups) > 1 else ALL)

    @classmethod
    def asked(cls, data: Mapping[str, str]) -> Self:
        """From an address: ``?unseen=45&spent=500&spent_within=365``, each rule's key with its
        first value, and the others by their names.

        What is unreadable is left out: a link is never an error page.
        """
        found = []
        for key, rule in BY_KEY.items():
            if key in data:
                first = {one.name: data[key] for one in rule.asked[:1]}
                others = {one.name: data.get(f"{key}_{one.name}") for one in rule.asked[1:]}
                try:
                    found.append(rule.read({**first, **others}))
                except WrongCriteria:  # an old link, or one changed by hand
                    continue
        return cls.of(*found)

    def as_dict(self) -> dict[str, Any]:
        """What ``read`` reads; empty for everybody."""
        if not self.groups:
            return {}
        match = {"match": ANY} if self.match == ANY else {}
        return {**match, "groups": [group.as_dict() for group in self.groups]}

    def where(self, now: datetime) -> Q:
        """True or false of each contact; nothing of it asks the database by itself."""
        at = Moment(now)
        return _together([group.where(at) for group in self.groups], self.match)


def people(criteria: Criteria, now: datetime | None = None) -> "QuerySet[Contact]":
    """The living records that ``criteria`` names, each once, reachable or not."""
    return Contact.objects.living().filter(criteria.where(now or timezone.now()))


def describe(criteria: Criteria) -> str:
    """One French sentence without a full stop: « Clients pas vus depuis 45 jours »."""
    groups = criteria.groups
    if not groups:
        return "Tous les clients"
    if len(groups) == 1:
        first = groups[0]
        return f"{'Tous les clients, ' if first.refused else 'Clients '}{first.said()}"
    first, *others = sorted(groups, key=lambda group: group.refused and criteria.match == ALL)
    start = "Tous les clients, " if first.refused else "Clients "
    joint = ", et " if criteria.match == ALL else ", ou bien "
    told = [_enclosed(first)]
    for group in others:
        bare = group.refused and criteria.match == ALL
        told.append((", " if bare else joint) + _enclosed(group))
    return start + "".join(told)


def _enclosed(group: Group) -> str:
    """A group's words, in brackets where « et » and « ou » could be heard as another's."""
    if len(group.ones) == 1:
        return group.said()
    words = Group(group.ones, group.match).said()
    return f"sauf ceux ({words})" if group.refused else f"({words})"


# --- who a message would reach -----------------------------------------------------------

# Why somebody is left out, the nearest to a yes first: each person is counted once.
REASONS = {
    "pending": _("accord à confirmer"),
    "stopped": _("ont dit stop"),
    "no_consent": _("sans accord"),
    "bad": _("numéro ou e-mail refusé par le réseau"),
    "landline": _("ligne fixe, sans SMS"),
    "no_address": _("sans numéro ni adresse"),
    "minor": _("majorité inconnue ou mineurs"),
    "cap": _("déjà contactés récemment"),
    "late": _("plus d’actualité à leur première heure permise"),
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    reason: str  # a key of REASONS
    count: int

    @property
    def label(self) -> str:
        return str(REASONS[self.reason])


@dataclass(frozen=True, slots=True)
class Reach:
    """Counts of people. ``total == reached + sum(left_out)``.

    ``by_channel`` says how many each chosen channel could reach; ``once`` how many get it by
    each channel when everybody gets it once (SMS before e-mail).
    """

    total: int
    reached: int
    by_channel: dict[str, int]
    once: dict[str, int]
    left_out: list[LeftOut]


def _is_adult(now: datetime) -> Q:
    """``Contact.is_adult`` in SQL."""
    by_birth = Q(birth_date__lte=years_before(timezone.localdate(now), 18))
    return by_birth | Q(birth_date=None, adult_declared_at__isnull=False)


def _none(reasons: dict[str, Q]) -> Q:
    return ~reduce(or_, reasons.values()) if reasons else Q()


def _clean(channels: Collection[str]) -> list[str]:
    """The chosen channels in their order. Raises ``WrongCriteria`` for one that is none."""
    if not set(channels) <= set(known.names()):
        raise WrongCriteria("channels")
    return [channel for channel in known.names() if channel in set(channels)]


def _judged(found: "QuerySet[Any]", channels: list[str], holds: dict[str, Q]) -> "QuerySet[Any]":
    """Annotates ``<channel>_is`` (reachable or the reason) and ``held`` (minor, cap or "")."""
    for channel in channels:
        whens = [When(where, then=Value(why)) for why, where in standing(channel).items()]
        by = Case(*whens, default=Value("yes"), output_field=CharField())
        found = found.annotate(**{f"{channel}_is": by})
    whens = [When(where, then=Value(why)) for why, where in holds.items()]
    held = Case(*whens, default=Value(""), output_field=CharField()) if whens else Value("")
    return found.annotate(held=held)


def _holds(shop: Shop, now: datetime, clocks: Clocks | None) -> dict[str, Q]:
    """Why a person may get nothing whatever the channel; the first that holds.

    With ``clocks`` who was written to lately may wait: see ``_timed``.
    """
    holds = {"minor": ~_is_adult(now)} if shop.sells_alcohol else {}
    too_late = Q(goes_at__gt=clocks.until) if clocks else Q()
    if shop.cap_days:
        holds["cap"] = _lately(shop, now) & too_late
    if clocks:
        holds["late"] = too_late
    return holds


def _lately(shop: Shop, now: datetime) -> Q:
    """Written to, or about to be, within the shop's cap."""
    return Q(last_commercial_at__gt=now - timedelta(days=shop.cap_days))


def _timed(found: "QuerySet[Any]", clocks: Clocks | None) -> "QuerySet[Any]":
    """Annotates ``goes_at``: when a person may first be written to."""
    return found.annotate(goes_at=clocks.goes_at()) if clocks else found


def reach(
    criteria: Criteria,
    channels: Collection[str],
    shop: Shop,
    now: datetime | None = None,
    clocks: Clocks | None = None,
) -> Reach:
    """How many people a commercial message by ``channels`` reaches now, and why not the others.
    With ``clocks``: now or while it still means something.

    One query: people are counted by where they
    stand, which is a handful of groups, and each group is judged here. What counts is what the
    worker checks again at sending: consent, the network's refusals, the age gate, the shop's cap.
    """
    now = now or timezone.now()
    wanted = _clean(channels)
    found = _timed(people(criteria, now), clocks)
    judged = _judged(found, wanted, _holds(shop, now, clocks))
    groups = judged.values_list(*(f"{channel}_is" for channel in wanted), "held")
    total, by_channel, once = 0, dict.fromkeys(wanted, 0), dict.fromkeys(wanted, 0)
    left_out = dict.fromkeys(REASONS, 0)
    for *stands, held, count in groups.order_by().annotate(count=Count("*")):
        total += count
        ways = [channel for channel, stand in zip(wanted, stands, strict=True) if stand == "yes"]
        if ways and not held:
            once[ways[0]] += count
            for channel in ways:
                by_channel[channel] += count
        elif stands:
            left_out[held if ways else min(stands, key=list(REASONS).index)] += count
    return Reach(
        total=total,
        reached=sum(once.values()),
        by_channel=by_channel,
        once=once,
        left_out=[LeftOut(why, count) for why, count in left_out.items() if count],
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """One message to write: to whom, by what, and what its variables say."""

    contact_id: int
    channel: str
    address: str
    first_name: str
    last_name: str
    balance: int
    missing: int  # stamps to the next reward
    rewards_ready: int
    card_token: str  # "" without a card
    goes_at: datetime | None = None  # when it may first leave
    waits: str = ""  # why not at once, a code of ``messaging.reasons``


def reachable(
    criteria: Criteria, channels: Collection[str], shop: Shop, clocks: Clocks
) -> "QuerySet[Any]":
    """Whom ``reach`` counts, by id; ``<channel>_is`` is "yes" for each channel that gets there,
    ``goes_at`` when, ``waits`` why not at once."""
    wanted, now = _clean(channels), clocks.now
    anyhow = Q(pk__in=[])
    for channel in wanted:
        anyhow |= _none(standing(channel))
    # Not by what ``_judged`` says: of a CASE the planner knows nothing, and it would sort them all.
    holds = _holds(shop, now, clocks)
    # Who is capped for too long is too late.
    without = _none({why: where for why, where in holds.items() if why != "cap"})
    free = _timed(people(criteria, now), clocks).filter(anyhow, without)
    waits = Case(
        When(_lately(shop, now), goes_at__gt=now, then=Value("too_soon")),
        When(goes_at__gt=now, then=Value("closed_hours")),
        default=Value(""),
        output_field=CharField(),
    )
    return _judged(free.annotate(waits=waits), wanted, holds).order_by("pk")


def chosen(
    criteria: Criteria, channels: Collection[str], both: bool, shop: Shop, clocks: Clocks
) -> Iterator[Chosen]:
    """Whom ``reach`` counts, by contact id, in bounded memory: one message each, by SMS where
    that reaches them and else by e-mail, or one by each channel with ``both``.
    """
    wanted, programme = _clean(channels), the_programme()
    addresses = sorted({way.address for way in known.every()})
    columns = ("first_name", "last_name", *addresses, "goes_at", "waits")
    card = ("card__balance", "card__rewards_ready", "card__token")
    found = reachable(criteria, wanted, shop, clocks)
    rows = found.values("pk", *columns, *card, *[f"{c}_is" for c in wanted])
    for row in rows.iterator(chunk_size=1000):
        ways = [channel for channel in wanted if row[f"{channel}_is"] == "yes"]
        for channel in ways if both else ways[:1]:
            balance = row["card__balance"] or 0
            yield Chosen(
                contact_id=row["pk"],
                channel=channel,
                address=row[known.named(channel).address],
                first_name=row["first_name"],
                last_name=row["last_name"],
                balance=programme.told(balance),
                missing=programme.missing(balance),
                rewards_ready=row["card__rewards_ready"] or 0,
                card_token=row["card__token"] or "",
                goes_at=row["goes_at"],
                waits=row["waits"],
            )
