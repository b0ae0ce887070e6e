"""The proof of the chain: every record read once, in order, as a stranger would."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from apps.invoicing.closing import Totals, first_day
from apps.invoicing.models import Chain, Period, Record, RecordKind, Type
from apps.invoicing.seal import GENESIS, digest

BATCH = 2000
_INVOICE = (
    *("type", "number", "series", "position", "buyer", "is_business", "siren", "issued_on"),
    *("due_on", "net_cents", "vat_cents", "total_cents", "contact_id", "purchase_id"),
    "corrects__number",
)
_PAYMENT = ("invoice__number", "amount_cents", "method", "paid_on", "reverses_id")
_CLOSURE = ("period", "starts", "total_cents", "perpetual_cents")
_MOVEMENT = ("what", "about", "amount_cents", "moved_on")
_REPEATED = {
    "invoice": _INVOICE,
    "payment": _PAYMENT,
    "closure": _CLOSURE,
    "movement": _MOVEMENT,
}
_HEAD = ("number", "kind", "at", "on", "body", "hash")
_LONGER = {Period.DAY: Period.MONTH, Period.MONTH: Period.YEAR}


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that does not hold, and why, in a French sentence."""

    number: int
    why: str


@dataclass(slots=True)
class Proof:
    records: int = 0
    last: str = GENESIS
    broken: Broken | None = None


class _Walk:
    """What has been seen of the chain so far; ``why`` says what is wrong with the next link."""

    def __init__(self) -> None:
        self.number, self.hash = 0, GENESIS
        self.series: defaultdict[str, int] = defaultdict(int)
        self.open: defaultdict[tuple[str, date], Totals] = defaultdict(Totals)
        self.ever: defaultdict[str, Totals] = defaultdict(Totals)
        self.closed: date = date.min

    def why(self, row: dict[str, Any], facts: dict[str, Any]) -> str:
        said = self._of_the_chain(row, facts) or _of_the_row(row, facts)
        if said:
            return said
        self.number, self.hash = row["number"], row["hash"]
        if row["kind"] == RecordKind.CLOSURE:
            return self._of_a_closure(facts)
        self.open[Period.DAY.value, row["on"]].take(facts)
        if row["kind"] == RecordKind.INVOICE:
            return self._of_the_series(facts)
        return ""

    def _of_the_chain(self, row: dict[str, Any], facts: dict[str, Any]) -> str:
        if row["number"] != self.number + 1:
            return f"il suit le n° {self.number} : entre eux il manque un enregistrement"
        if digest(row["body"]) != row["hash"]:
            return "son contenu n’est plus celui qui a été scellé"
        if facts["previous"] != self.hash:
            return "il n’est pas lié à celui qui le précède"
        head = (facts["record"], facts["kind"], facts["on"])
        if head != (row["number"], row["kind"], row["on"].isoformat()):
            return "son numéro, sa sorte ou son jour ne sont pas ceux qui ont été scellés"
        if row["on"] <= self.closed:
            return "il est daté d’un jour déjà clôturé"
        return ""

    def _of_the_series(self, facts: dict[str, Any]) -> str:
        series, position = facts["series"], facts["position"]
        self.series[series] += 1
        if position != self.series[series]:
            return f"la série {series} saute un numéro"
        return ""

    def _of_a_closure(self, facts: dict[str, Any]) -> str:
        period, starts = facts["period"], date.fromisoformat(facts["starts"])
        totals = self.open.pop((period, starts), Totals())
        if totals.kept() != Totals.of(facts["totals"]).kept():
            return "ses totaux ne sont pas ceux de la période"
        if self.ever[period].add(totals).kept() != Totals.of(facts["perpetual"]).kept():
            return "ses totaux perpétuels ne suivent pas"
        if period == Period.DAY:
            self.closed = starts
        if longer := _LONGER.get(Period(period)):
            self.open[longer.value, first_day(longer, starts)].add(totals)
        return ""


def _of_the_row(row: dict[str, Any], facts: dict[str, Any]) -> str:
    """The tables repeat of the record what lists ask for: nothing else."""
    kind = row["kind"]
    repeated = {name: row[f"{kind}__{name}"] for name in _REPEATED[kind]}
    if repeated != _expected(kind, facts):
        return "la table qui le répète dit autre chose que lui"
    return ""


def _expected(kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    if kind == RecordKind.INVOICE:
        sign = -1 if facts["type"] == Type.CREDIT else 1
        amounts = {name: sign * facts[name] for name in ("net_cents", "vat_cents", "total_cents")}
        same = {name: facts[name] for name in ("type", "number", "series", "position")}
        days = {"issued_on": _day(facts["on"]), "due_on": _day(facts["due_on"])}
        buyer = {name: facts["buyer"][name] for name in ("is_business", "siren")}
        buyer["buyer"] = facts["buyer"]["name"]
        links = {"contact_id": facts["contact"], "purchase_id": facts["purchase"]}
        corrects = facts["corrects"]["number"] if "corrects" in facts else None
        return {**same, **buyer, **days, **amounts, **links, "corrects__number": corrects}
    if kind == RecordKind.PAYMENT:
        same = {name: facts[name] for name in ("amount_cents", "method")}
        links = {"invoice__number": facts["invoice"], "reverses_id": facts["reverses"]}
        return {**same, **links, "paid_on": _day(facts["paid_on"])}
    if kind == RecordKind.MOVEMENT:
        same = {name: facts[name] for name in ("what", "about", "amount_cents")}
        return {**same, "moved_on": _day(facts["moved_on"])}
    return {
        "period": facts["period"],
        "starts": _day(facts["starts"]),
        "total_cents": facts["totals"]["total_cents"],
        "perpetual_cents": facts["perpetual"]["total_cents"],
    }


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _rows() -> Iterator[dict[str, Any]]:
    repeated = [f"{kind}__{name}" for kind, names in _REPEATED.items() for name in names]
    return Record.objects.order_by("number").values(*_HEAD, *repeated).iterator(BATCH)


def prove_chain() -> Proof:
    """Read the whole chain of the current shop; stops at the first broken link."""
    walk, proof = _Walk(), Proof()
    for row in _rows():
        why = walk.why(row, json.loads(row["body"]))
        if why:
            proof.broken = Broken(row["number"], why)
            return proof
        proof.records, proof.last = row["number"], row["hash"]
    end = Chain.objects.first()
    if end is not None and (end.number, end.hash) != (proof.records, proof.last):
        proof.broken = Broken(proof.records + 1, "il manque : la chaîne allait plus loin")
    return proof
