"""Who a message is for: criteria in the shop's words, the people they name, and who it reaches.

Criteria are kept by campaigns as a JSON dict; ``Criteria.read`` is the only way in. Everything
here reads; nothing changes a person.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Self

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.contacts import channels as known
from apps.contacts.models import Contact, ContactQuerySet, Tag, standing
from apps.core.refusal import Refusal
from apps.core.templatetags.french import jour
from apps.loyalty.services import the_programme
from apps.messaging.clocks import Clocks
from apps.shops.models import Region, Shop

LONGEST_DAYS = 3650
MOST_VALUES = 20
# Corsica's post codes say 20…; people say 2A and 2B.
_CORSICA = {"2A": ("200", "201"), "2B": ("202", "206")}
_PLACE_NAMES = {2: "département"}


class WrongCriteria(Refusal):
    message = _("Ce choix de clients est illisible : « %(what)s ». Refaites-le.")
    status = 422


def _days(name: str, value: Any, most: int = LONGEST_DAYS) -> int | None:
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not str(value).isascii() or not str(value).isdigit():
        raise WrongCriteria(what=name)
    if not 1 <= int(value) <= most:
        raise WrongCriteria(what=name)
    return int(value)


def _words(name: str, value: Any) -> tuple[str, ...]:
    if value in (None, ""):
        return ()
    if not isinstance(value, list | tuple) or len(value) > MOST_VALUES:
        raise WrongCriteria(what=name)
    words = (" ".join(word.split()) if isinstance(word, str) else "" for word in value)
    kept = tuple(dict.fromkeys(words))
    if "" in kept or any(len(word) > 30 for word in kept):
        raise WrongCriteria(what=name)
    return kept


def _places(value: Any) -> tuple[str, ...]:
    places = tuple(word.upper() for word in _words("places", value))
    for place in places:
        digits = place.isascii() and place.isdigit() and 2 <= len(place) <= 5
        if not digits and place not in _CORSICA:
            raise WrongCriteria(what="places")
    return places


def _day(name: str, value: Any) -> date | None:
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise WrongCriteria(what=name) from error


@dataclass(frozen=True, slots=True)
class Criteria:
    """All that is set must hold. An empty one means everybody.

    ``tags``: names, any of them, or each of them with ``every_tag``. ``seen_within`` and
    ``not_seen_since`` in days (who never came counts as not seen). ``near_reward``: at most so
    many stamps missing; with ``reward_ready`` too, either will do. ``visits_at_least``: since the
    beginning. ``places``: departments or
    beginnings of post codes (``21``, ``2A``, ``97``); ``territories``: where the phone is from;
    one of both is enough. ``enrolled_since``: a day, included.
    """

    tags: tuple[str, ...] = ()
    every_tag: bool = False
    seen_within: int | None = None
    not_seen_since: int | None = None
    visits_at_least: int | None = None
    near_reward: int | None = None
    reward_ready: bool = False
    places: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()
    enrolled_since: date | None = None

    @classmethod
    def read(cls, data: Any) -> Self:
        """From a JSON dict. Raises ``WrongCriteria`` for what it does not know."""
        if not isinstance(data, dict):
            raise WrongCriteria(what="?")
        unknown = set(data) - {field.name for field in fields(cls)}
        if unknown:
            raise WrongCriteria(what=str(min(unknown, key=str))[:40])
        territories = _words("territories", data.get("territories"))
        if not set(territories) <= set(Region.values):
            raise WrongCriteria(what="territories")
        for name in ("every_tag", "reward_ready"):
            if not isinstance(data.get(name, False), bool):
                raise WrongCriteria(what=name)
        return cls(
            tags=_words("tags", data.get("tags")),
            every_tag=data.get("every_tag", False),
            seen_within=_days("seen_within", data.get("seen_within")),
            not_seen_since=_days("not_seen_since", data.get("not_seen_since")),
            visits_at_least=_days("visits_at_least", data.get("visits_at_least"), most=1000),
            near_reward=_days("near_reward", data.get("near_reward"), most=20),
            reward_ready=data.get("reward_ready", False),
            places=_places(data.get("places")),
            territories=territories,
            enrolled_since=_day("enrolled_since", data.get("enrolled_since")),
        )

    def as_dict(self) -> dict[str, Any]:
        """What ``read`` reads: only what is set, JSON types only."""
        kept: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value in (None, False, ()):
                continue
            if isinstance(value, date):
                value = value.isoformat()
            kept[field.name] = list(value) if isinstance(value, tuple) else value
        return kept


def people(criteria: Criteria, shop: Shop, now: datetime | None = None) -> "QuerySet[Contact]":
    """The living records that ``criteria`` names, each once, reachable or not."""
    now = now or timezone.now()
    found = _tagged(Contact.objects.living(), criteria)
    if criteria.seen_within:
        found = found.filter(last_visit_at__gte=now - timedelta(days=criteria.seen_within))
    if criteria.not_seen_since:
        found = found.not_seen_since(days=criteria.not_seen_since, now=now)
    if criteria.visits_at_least:
        found = found.filter(visits__gte=criteria.visits_at_least)
    reward = Q()
    if criteria.near_reward:
        reward |= Q(card__balance__gte=max(the_programme().goal - criteria.near_reward, 0))
    if criteria.reward_ready:
        reward |= Q(card__rewards_ready__gt=0)
    place = Q(phone_region__in=criteria.territories) if criteria.territories else Q()
    for named in criteria.places:
        for prefix in _CORSICA.get(named, (named,)):
            place |= Q(postal_code__startswith=prefix)
    found = found.filter(reward, place)
    if criteria.enrolled_since:
        found = found.filter(created_at__date__gte=criteria.enrolled_since)
    return found


def _tagged(found: ContactQuerySet, criteria: Criteria) -> ContactQuerySet:
    """By ``Exists``, so that nobody counts twice; a tag's name is looked up once, not by person."""
    worn = Contact.tags.through.objects.filter(contact=OuterRef("pk"))
    named = Tag.objects.annotate(lower=Lower("name")).order_by().values("pk")
    names = [name.lower() for name in criteria.tags]
    if criteria.every_tag:
        for name in names:
            found = found.filter(Exists(worn.filter(tag=Subquery(named.filter(lower=name)))))
        return found
    return (
        found.filter(Exists(worn.filter(tag__in=named.filter(lower__in=names)))) if names else found
    )


def parts(criteria: Criteria) -> list[str]:
    """Each criterion in a few French words, as on a chip."""
    said = []
    if criteria.tags:
        joint = " et " if criteria.every_tag else " ou "
        names = joint.join(f"« {name} »" for name in criteria.tags)
        said.append(ngettext("étiquette %s", "étiquettes %s", len(criteria.tags)) % names)
    if n := criteria.seen_within:
        said.append(ngettext("vus depuis %d jour", "vus depuis moins de %d jours", n) % n)
    if n := criteria.not_seen_since:
        said.append(ngettext("pas vus depuis %d jour", "pas vus depuis %d jours", n) % n)
    if n := criteria.visits_at_least:
        said.append(ngettext("venus au moins %d fois", "venus au moins %d fois", n) % n)
    rewards = []
    if n := criteria.near_reward:
        near = "à %d tampon d’une récompense", "à %d tampons d’une récompense ou moins"
        rewards.append(ngettext(*near, n) % n)
    if criteria.reward_ready:
        rewards.append("avec une récompense à prendre")
    if rewards:
        said.append(", ou ".join(rewards))
    places = [f"{_PLACE_NAMES.get(len(p), 'code postal')} {p}" for p in criteria.places]
    places += [f"téléphone {Region(code).label}" for code in criteria.territories]
    if places:
        said.append(" ou ".join(places))
    if criteria.enrolled_since:
        said.append(f"inscrits depuis le {jour(criteria.enrolled_since)}")
    return said


def describe(criteria: Criteria) -> str:
    """One French sentence without a full stop: « Clients pas vus depuis 45 jours »."""
    said = parts(criteria)
    return f"Clients {', '.join(said)}" if said else "Tous les clients"


# --- who a message would reach -----------------------------------------------------------

# Why somebody is left out, the nearest to a yes first: each person is counted once.
REASONS = {
    "pending": _("accord à confirmer"),
    "stopped": _("ont dit stop"),
    "no_consent": _("sans accord"),
    "bad": _("numéro ou e-mail refusé par le réseau"),
    "landline": _("ligne fixe, sans SMS"),
    "no_address": _("sans numéro ou sans e-mail"),
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


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def _is_adult(now: datetime) -> Q:
    """``Contact.is_adult`` in SQL."""
    by_birth = Q(birth_date__lte=_years_before(timezone.localdate(now), 18))
    return by_birth | Q(birth_date=None, adult_declared_at__isnull=False)


def _none(reasons: dict[str, Q]) -> Q:
    return ~reduce(or_, reasons.values()) if reasons else Q()


def _clean(channels: Collection[str]) -> list[str]:
    """The chosen channels in their order. Raises ``WrongCriteria`` for one that is none."""
    if not set(channels) <= set(known.names()):
        raise WrongCriteria(what="channels")
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

    One query (two when a criterion needs the programme): people are counted by where they
    stand, which is a handful of groups, and each group is judged here. What counts is what the
    worker checks again at sending: consent, the network's refusals, the age gate, the shop's cap.
    """
    now = now or timezone.now()
    wanted = _clean(channels)
    found = _timed(people(criteria, shop, now), clocks)
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
    free = _timed(people(criteria, shop, now), clocks).filter(anyhow, without)
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
    wanted, goal = _clean(channels), the_programme().goal
    columns = ("first_name", "last_name", "phone", "email", "goes_at", "waits")
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
                balance=balance,
                missing=max(goal - balance, 0),
                rewards_ready=row["card__rewards_ready"] or 0,
                card_token=row["card__token"] or "",
                goes_at=row["goes_at"],
                waits=row["waits"],
            )
