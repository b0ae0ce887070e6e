"""The screen on which criteria are put together: a plain form, one part of it a press of a button.

What is typed travels as a *draft*: the JSON of ``Criteria`` with whatever stands in the inputs. In
the form, ``g0``, ``g1``… are the groups and ``g0r0``, ``g0r1``… their criteria. ``act`` names the
button: ``add:0:unseen``, ``drop:0:1``, ``group``, or anything else that changes nothing here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.functional import cached_property

from apps.audience.criteria import ALL, ANY, MOST_GROUPS, MOST_RULES, Criteria, One
from apps.audience.rules import BY_KEY, FAMILIES, Rule, WrongCriteria
from apps.audience.rules.base import Asked, Choice, Choices, Several, Words

Draft = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Input:
    """One value as drawn."""

    asked: Asked
    name: str
    value: Any
    choices: Choices = ()

    @property
    def label(self) -> Words:
        return self.asked.before


@dataclass(frozen=True, slots=True)
class Line:
    """One criterion as drawn; ``name`` is its own in the form."""

    name: str
    at: str  # what ``drop:`` calls it
    rule: type[Rule]
    refused: bool
    inputs: list[Input]
    error: Words
    fresh: bool


@dataclass(frozen=True, slots=True)
class Block:
    """One group as drawn."""

    name: str
    at: int
    any: bool
    refused: bool
    lines: list[Line]

    @property
    def full(self) -> bool:
        return len(self.lines) >= MOST_RULES


@dataclass
class Builder:
    """A draft, what it says, and what is wrong in it."""

    draft: Draft
    act: str = ""
    errors: dict[tuple[int, int], Words] = field(default_factory=dict)

    @classmethod
    def of(cls, criteria: Criteria) -> "Builder":
        return cls(criteria.as_dict())

    @classmethod
    def typed(cls, data: QueryDict) -> "Builder":
        """As it was sent, after the button that was pressed."""
        draft, act = _typed(data), data.get("act", "")
        _act(draft, act)
        return cls(draft, act)

    def read(self) -> Criteria | None:
        """What it says, or None with ``errors`` beside their criteria."""
        self.errors = {}
        for g, group in enumerate(self.draft.get("groups", [])):
            for r, rule in enumerate(group["rules"]):
                try:
                    One.read(rule)
                except WrongCriteria as refusal:
                    self.errors[g, r] = refusal.say
        return None if self.errors else Criteria.read(self.draft)

    @property
    def changed(self) -> bool:
        """Whether a button changed what there is to fill in."""
        return self.act == "group" or ":" in self.act

    def _is_fresh(self, g: int, r: int) -> bool:
        added = self.act.startswith(f"add:{g}:")
        return added and r == len(self.draft["groups"][g]["rules"]) - 1

    @property
    def any(self) -> bool:
        return bool(self.draft.get("match") == ANY)

    @property
    def full(self) -> bool:
        return len(self.draft.get("groups", [])) >= MOST_GROUPS

    @cached_property
    def offered(self) -> list[tuple[Words, list[type[Rule]]]]:
        """By family, those that make sense in this shop."""
        found = [(name, [rule for rule in rules if rule.makes_sense()]) for name, rules in FAMILIES]
        return [(name, rules) for name, rules in found if rules]

    @property
    def blocks(self) -> list[Block]:
        """At least one, if empty; lists of choices are asked once each."""
        asked: dict[Callable[[], Choices], Choices] = {}

        def choices(one: Asked) -> Choices:
            if isinstance(one, Several):
                if one.among not in asked:
                    asked[one.among] = one.among()
                return asked[one.among]
            return one.among if isinstance(one, Choice) else ()

        groups = self.draft.get("groups") or [{"rules": []}]
        return [self._block(g, group, choices) for g, group in enumerate(groups)]

    def _block(self, g: int, group: Draft, choices: Callable[[Asked], Choices]) -> Block:
        lines = [self._line(g, r, one, choices) for r, one in enumerate(group["rules"])]
        refused = bool(group.get("not"))
        return Block(f"g{g}", g, group.get("match") == ANY, refused, lines)

    def _line(self, g: int, r: int, one: Draft, choices: Callable[[Asked], Choices]) -> Line:
        rule, name = BY_KEY[one["is"]], f"g{g}r{r}"
        inputs = []
        for asked in rule.asked:
            value = asked.shown(one.get(asked.name))
            among = list(choices(asked))
            if isinstance(asked, Several):  # a tag that nobody wears any more stays chosen
                among += [(word, word) for word in value if word not in dict(among)]
            inputs.append(Input(asked, f"{name}_{asked.name}", value, among))
        fresh = self._is_fresh(g, r)  # what was added this moment is no mistake yet
        error = "" if fresh else self.errors.get((g, r), "")
        return Line(name, f"{g}:{r}", rule, bool(one.get("not")), inputs, error, fresh)


def _typed(data: QueryDict) -> Draft:
    groups = []
    for g in range(MOST_GROUPS):
        if f"g{g}" not in data:
            break
        rules = []
        for r in range(MOST_RULES):
            name = f"g{g}r{r}"
            rule = BY_KEY.get(data.get(name, ""))
            if rule is None:
                break
            rules.append(_typed_rule(data, name, rule))
        match = ANY if data[f"g{g}"] == ANY else ALL
        groups.append({"match": match, "not": data.get(f"g{g}_not") == "1", "rules": rules})
    return {"match": ANY if data.get("match") == ANY else ALL, "groups": groups}


def _typed_rule(data: QueryDict, name: str, rule: type[Rule]) -> Draft:
    typed: Draft = {"is": rule.key, "not": data.get(f"{name}_not") == "1"}
    for asked in rule.asked:
        several = isinstance(asked, Several)
        key = f"{name}_{asked.name}"
        typed[asked.name] = data.getlist(key) if several else data.get(key, "")[:200]
    return typed


def _act(draft: Draft, act: str) -> None:
    """The button's change; what does not fit any more changes nothing."""
    verb, _colon, rest = act.partition(":")
    groups = draft["groups"]
    if verb == "group" and len(groups) < MOST_GROUPS:
        groups.append({"match": ALL, "not": False, "rules": []})
    place, _colon, what = rest.partition(":")
    if not place.isdecimal() or int(place) >= max(len(groups), 1):
        return
    if verb == "add" and what in BY_KEY:
        if not groups:
            groups.append({"match": ALL, "not": False, "rules": []})
        if len(rules := groups[int(place)]["rules"]) < MOST_RULES:
            rules.append({"is": what, "not": False, **BY_KEY[what].blank()})
    elif verb == "drop" and what.isdecimal():
        rules = groups[int(place)]["rules"]
        del rules[int(what) : int(what) + 1]
        if not rules and len(groups) > 1:
            del groups[int(place)]
    elif verb == "drop" and not what and len(groups) > 1:
        del groups[int(place)]
