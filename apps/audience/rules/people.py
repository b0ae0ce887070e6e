"""Who they are: tags, where from, how old, how to reach them."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import ClassVar

from django.db.models import Q
from django.db.models.functions import ExtractDay, ExtractMonth, Lower
from django.db.models.lookups import In
from django.utils.translation import gettext_lazy as _

from apps.audience.rules.base import (
    Asked,
    Choice,
    Choices,
    Day,
    Moment,
    Number,
    Rule,
    Several,
    Words,
    WrongCriteria,
    lasting,
    listed,
    years_before,
)
from apps.contacts import channels
from apps.contacts.models import Contact, Source, Tag, standing
from apps.core.templatetags.french import jour
from apps.shops.models import Region

# Corsica's post codes say 20…; people say 2A and 2B.
_CORSICA = {"2A": ("200", "201"), "2B": ("202", "206")}
_HOW_MANY_PLACES = 20
# How a person may have come into the file; the other sources are of consents.
_ENTRANCES = {
    Source.POSTER: _("par l’affiche"),
    Source.COUNTER: _("au comptoir"),
    Source.IMPORT: _("par un import"),
    Source.CARD: _("par la carte"),
    Source.TEAM: _("par l’équipe"),
    Source.PAPER: _("sur papier"),
}


def _tag_names() -> Choices:
    return [(name, name) for name in Tag.objects.values_list("name", flat=True)]


@dataclass(frozen=True)
class Tags(Rule):
    """By a list of wearers, asked for once: between « ou » and « sauf » a question about each
    person would be asked of each."""

    key: ClassVar[str] = "tags"
    label: ClassVar[Words] = _("Étiquettes")
    asked: ClassVar[tuple[Asked, ...]] = (
        Choice(name="how", choices=[("any", _("l’une de")), ("every", _("toutes à la fois"))]),
        Several(
            name="names",
            among=_tag_names,
            closed=False,
            none=_("Aucune étiquette encore : elles se posent sur la fiche d’un client."),
        ),
    )
    how: str
    names: tuple[str, ...]

    def where(self, at: Moment) -> Q:
        worn = Contact.tags.through.objects.values("contact_id")
        named = Tag.objects.annotate(lower=Lower("name")).order_by().values("pk")
        names = [name.lower() for name in self.names]
        if self.how == "any":
            return Q(pk__in=worn.filter(tag__in=named.filter(lower__in=names)))
        every = Q()
        for name in names:
            every &= Q(pk__in=worn.filter(tag__in=named.filter(lower=name)))
        return every

    def _named(self, joint: str) -> str:
        return listed([f"« {name} »" for name in self.names], joint)

    def said(self) -> str:
        return f"étiquetés {self._named('ou' if self.how == 'any' else 'et')}"

    def unsaid(self) -> str:
        if self.how == "any" or len(self.names) == 1:
            return f"sans étiquette {self._named('ni')}"
        return f"qui ne portent pas à la fois {self._named('et')}"


@dataclass(frozen=True)
class Entrance(Rule):
    key: ClassVar[str] = "source"
    label: ClassVar[Words] = _("Lieu d’inscription")
    asked: ClassVar[tuple[Asked, ...]] = (
        Several(name="sources", among=lambda: list(_ENTRANCES.items()), before=_("Inscrits")),
    )
    sources: tuple[str, ...]

    def where(self, at: Moment) -> Q:
        return Q(source__in=self.sources)

    def _named(self, joint: str) -> str:
        return listed([str(_ENTRANCES[Source(source)]) for source in self.sources], joint)

    def said(self) -> str:
        return f"inscrits {self._named('ou')}"

    def unsaid(self) -> str:
        return (
            f"qui ne se sont inscrits ni {self._named('ni')}"
            if len(self.sources) > 1
            else (f"inscrits autrement que {self._named('ou')}")
        )


@dataclass(frozen=True)
class Enrolled(Rule):
    """A day, included."""

    key: ClassVar[str] = "enrolled"
    label: ClassVar[Words] = _("Date d’inscription")
    asked: ClassVar[tuple[Asked, ...]] = (Day(name="since", before=_("Inscrits depuis le")),)
    since: date

    def where(self, at: Moment) -> Q:
        return Q(created_at__date__gte=self.since)

    def said(self) -> str:
        return f"inscrits depuis le {jour(self.since)}"

    def unsaid(self) -> str:
        return f"inscrits avant le {jour(self.since)}"


@dataclass(frozen=True)
class Newcomers(Rule):
    key: ClassVar[str] = "new"
    label: ClassVar[Words] = _("Nouveaux clients")
    asked: ClassVar[tuple[Asked, ...]] = (
        Number(name="days", before=_("Inscrits depuis moins de"), after=_("jours"), default=30),
    )
    days: int

    def where(self, at: Moment) -> Q:
        return Q(created_at__gte=at.ago(self.days))

    def said(self) -> str:
        return f"inscrits depuis moins de {lasting(self.days)}"

    def unsaid(self) -> str:
        return f"inscrits depuis plus de {lasting(self.days)}"


@dataclass(frozen=True)
class Age(Rule):
    """By birth date: who did not give theirs has no age here."""

    key: ClassVar[str] = "age"
    label: ClassVar[Words] = _("Âge")
    asked: ClassVar[tuple[Asked, ...]] = (
        Number(name="least", before=_("De"), after=_("ans"), least=0, most=120, default=18),
        Number(name="most", before=_("à"), after=_("ans, compris"), least=0, most=120, default=30),
    )
    least: int
    most: int

    def __post_init__(self) -> None:
        if self.least > self.most:
            raise WrongCriteria("age", _("Le premier âge est plus grand que le second."))

    def where(self, at: Moment) -> Q:
        youngest = years_before(at.today, self.least)
        too_old = years_before(at.today, self.most + 1)
        known = Q(birth_date__isnull=False)
        return known & Q(birth_date__lte=youngest, birth_date__gt=too_old)

    def said(self) -> str:
        return f"de {self.least} à {self.most} ans"

    def unsaid(self) -> str:
        return f"qui n’ont pas, ou dont on ne sait pas s’ils ont de {self.least} à {self.most} ans"


@dataclass(frozen=True)
class Birthday(Rule):
    """Today included; who was born on 29 February is feted on the 28th in other years."""

    key: ClassVar[str] = "birthday"
    label: ClassVar[Words] = _("Anniversaire proche")
    asked: ClassVar[tuple[Asked, ...]] = (
        Number(name="days", before=_("Dans les"), after=_("jours"), most=90, default=7),
    )
    days: int

    def where(self, at: Moment) -> Q:
        soon = [at.today + timedelta(days=n) for n in range(self.days)]
        feted = {day.month * 100 + day.day for day in soon}
        if any((day + timedelta(days=1)).month != 2 for day in soon if day.month == 2):
            feted |= {229} if 228 in feted else set()
        born = ExtractMonth("birth_date") * 100 + ExtractDay("birth_date")
        return Q(birth_date__isnull=False) & Q(In(born, sorted(feted)))

    def said(self) -> str:
        return f"dont l’anniversaire tombe {self._when()}"

    def unsaid(self) -> str:
        return f"dont l’anniversaire ne tombe pas {self._when()}"

    def _when(self) -> str:
        n = self.days
        return "aujourd’hui" if n == 1 else f"dans les {n} jours"


@dataclass(frozen=True, kw_only=True)
class Places(Asked):
    """Departments or beginnings of post codes, as typed or as kept."""

    widget: ClassVar[str] = "text"

    def read(self, value: object) -> tuple[str, ...]:
        typed = (
            value.replace(",", " ").replace(";", " ").split() if isinstance(value, str) else value
        )
        if not isinstance(typed, list | tuple) or not 1 <= len(typed) <= _HOW_MANY_PLACES:
            raise self._wrong()
        places = tuple(dict.fromkeys(str(place).upper() for place in typed))
        for place in places:
            digits = place.isascii() and place.isdigit() and 2 <= len(place) <= 5
            if not digits and place not in _CORSICA:
                raise self._wrong()
        return places

    def _wrong(self) -> WrongCriteria:
        say = _("Un département ou un code postal s’écrit « 21 », « 2A » ou « 21200 ».")
        return WrongCriteria(self.name, say)

    def shown(self, value: object) -> str:
        return ", ".join(value) if isinstance(value, list | tuple) else str(value or "")


@dataclass(frozen=True)
class PostCode(Rule):
    key: ClassVar[str] = "place"
    label: ClassVar[Words] = _("Code postal")
    asked: ClassVar[tuple[Asked, ...]] = (
        Places(name="places", before=_("Départements ou codes postaux")),
    )
    places: tuple[str, ...]

    def where(self, at: Moment) -> Q:
        found = Q()
        for named in self.places:
            for prefix in _CORSICA.get(named, (named,)):
                found |= Q(postal_code__startswith=prefix)
        return found

    def _named(self, joint: str) -> str:
        kinds = {2: "le département"}
        return listed([f"{kinds.get(len(p), 'le code postal')} {p}" for p in self.places], joint)

    def said(self) -> str:
        return f"dans {self._named('ou')}"

    def unsaid(self) -> str:
        return f"hors {listed(list(self.places))}"


@dataclass(frozen=True)
class PhoneFrom(Rule):
    key: ClassVar[str] = "territory"
    label: ClassVar[Words] = _("Téléphone de")
    asked: ClassVar[tuple[Asked, ...]] = (Several(name="regions", among=lambda: Region.choices),)
    regions: tuple[str, ...]

    def where(self, at: Moment) -> Q:
        return Q(phone_region__in=self.regions)

    def _named(self, joint: str) -> str:
        return listed([str(Region(code).label) for code in self.regions], joint)

    def said(self) -> str:
        return f"avec un téléphone de {self._named('ou')}"

    def unsaid(self) -> str:
        return f"sans téléphone de {self._named('ni')}"


_ANY = "any"


def _ways() -> Choices:
    each: list[tuple[str, Words]] = [(way.name, way.by) for way in channels.every()]
    return [*each, (_ANY, _("par l’un ou l’autre"))]


@dataclass(frozen=True)
class Reachable(Rule):
    """As ``ContactQuerySet.reachable_by``: agreed, proven, not refused by the network."""

    key: ClassVar[str] = "channel"
    label: ClassVar[Words] = _("Joignables")
    asked: ClassVar[tuple[Asked, ...]] = (Choice(name="by", choices=_ways),)
    by: str

    def where(self, at: Moment) -> Q:
        ways = channels.names() if self.by == _ANY else [self.by]
        return reduce(or_, (~reduce(or_, standing(way).values()) for way in ways))

    def said(self) -> str:
        return "joignables" if self.by == _ANY else f"joignables {channels.named(self.by).by}"

    def unsaid(self) -> str:
        return "que l’on ne peut pas joindre" if self.by == _ANY else f"non {self.said()}"
