"""The books: what was sealed as double entries, and the file the tax office may ask for (FEC, LPF
art. A47 A-1): 18 columns, checked line by line before anybody gets it."""

import json
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Self

from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal
from apps.invoicing.models import Invoice, Method, Move, Payment, Record, RecordKind, Type
from apps.invoicing.vat import show_rate
from apps.invoicing.words import Operation
from apps.shops.models import Shop

COLUMNS = (
    *("JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib"),
    *("CompAuxNum", "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit"),
    *("EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise"),
)
# What a shop's accountant expects; those of its own, and codes of its journals, stand in
# ``Terms.accounts``.
ACCOUNTS = {
    "customers": ("411000", _("Clients")),
    "goods": ("707000", _("Ventes de marchandises")),
    "services": ("706000", _("Prestations de services")),
    "vat": ("445710", _("TVA collectée")),
    "transfer": ("512000", _("Banque")),
    "card": ("511500", _("Cartes bancaires à encaisser")),
    "cheque": ("511200", _("Chèques à encaisser")),
    "cash": ("530000", _("Caisse")),
    "online": ("517000", _("Encaissements en ligne")),
    "fees": ("627800", _("Frais de paiement en ligne")),
    "share": ("622800", _("Commissions de plateforme")),
    "contested": ("467100", _("Paiements contestés")),
    "losses": ("658000", _("Pertes sur paiements contestés")),
    "result": ("120000", _("Résultat de l’exercice")),
}
JOURNALS = {"AN": "À nouveau", "VE": "Ventes", "BQ": "Banque", "CA": "Caisse"}
# Of the year alone: what former years earned and spent is their result.
_EARNED = ("goods", "services", "fees", "share", "losses")
# Each movement's account, and the one beside it.
_MOVES = {
    Move.FEE: ("online", "fees"),
    Move.SHARE: ("online", "share"),
    Move.CONTESTED: ("online", "contested"),
    Move.LOST: ("contested", "losses"),
    Move.RETURNED: ("online", "contested"),
    Move.PAYOUT: ("online", "transfer"),
}
PASSING = ("CDIVERS", "Clients de passage")


class WrongLine(Refusal):
    message = _("Ce fichier ne sort pas : ligne %(line)s, %(why)s.")
    status = 422


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an entry: ``cents`` is a debit above zero, a credit below. ``bill`` is the
    invoice that a customer's line belongs to, ``letter`` what it was settled with."""

    journal: str
    entry: int
    on: date
    account: str
    account_label: str
    piece: str
    piece_on: date
    label: str
    cents: int
    aux: tuple[str, str] = ("", "")
    bill: int = 0
    letter: str = ""
    lettered_on: date | None = None
    code: str = ""  # of the journal, where the shop's accountant has another one

    @property
    def cells(self) -> tuple[str, ...]:
        """As the file writes it."""
        debit, credit = max(0, self.cents), max(0, -self.cents)
        return (
            *(self.code or self.journal, JOURNALS[self.journal], str(self.entry), _day(self.on)),
            *(self.account, self.account_label, *self.aux, self.piece, _day(self.piece_on)),
            *(self.label, _amount(debit), _amount(credit)),
            *(self.letter, _day(self.lettered_on), _day(self.on), "", ""),
        )


def _day(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def _amount(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d}"


def plain(text: str) -> str:
    """Without what would break a line: tabs, ``|``, control and invisible characters."""
    kept = "".join(c if c.isprintable() and c != "|" else " " for c in text)
    return " ".join(kept.split())


def letters(number: int) -> str:
    """AA, AB … ZZ, AAA …, from 0."""
    found, number = "", number + 26
    while number >= 0:
        found, number = chr(ord("A") + number % 26) + found, number // 26 - 1
    return found


def customer_of(contact: int | None, siren: str, buyer: str) -> tuple[str, str]:
    """The customer's own account: a company's by its SIREN, a known person's by their record."""
    if siren:
        return f"S{siren}", plain(buyer)
    return (f"C{contact:06d}", plain(buyer)) if contact else PASSING


@dataclass(frozen=True, slots=True)
class Books:
    """The entries of a year, or of any days from the first to the last one."""

    since: date
    until: date
    chosen: Mapping[str, str]

    def lines(self) -> Iterator[Line]:
        """Opening balances first, then each record in the order in which it was sealed."""
        settled, entry = self._settled(), 0
        for entry, lines in enumerate(self._entries(), start=1):
            for line in lines:
                letter, day = settled.get(line.bill, ("", None))
                code = self.chosen.get(line.journal, "")
                yield replace(line, entry=entry, letter=letter, lettered_on=day, code=code)

    def _entries(self) -> Iterator[list[Line]]:
        if opening := self._opening():
            yield opening
        for row in _rows(on__range=(self.since, self.until)):
            yield self._entry(row)

    def _entry(self, row: dict[str, Any]) -> list[Line]:
        facts = json.loads(row["body"])
        lines = {
            RecordKind.INVOICE: self._sale,
            RecordKind.PAYMENT: self._payment,
            RecordKind.MOVEMENT: self._movement,
        }[RecordKind(row["kind"])]
        return [line for line in lines(facts, row) if line.cents]

    def _line(self, what: str, line: Line, cents: int, *, rate: int = 0) -> Line:
        number, label = ACCOUNTS[what]
        said = plain(f"{label} {show_rate(rate)}" if rate else str(label))
        number = self.chosen.get(what) or number
        made = replace(line, account=number, account_label=said, cents=cents)
        return made if what == "customers" else replace(made, aux=("", ""), bill=0)

    def _sale(self, facts: dict[str, Any], row: dict[str, Any]) -> Iterator[Line]:
        credit, on = facts["type"] == Type.CREDIT, date.fromisoformat(facts["on"])
        sign, number = -1 if credit else 1, facts["number"]
        buyer = facts["buyer"]
        said = plain(f"{'Avoir' if credit else 'Facture'} {number} {buyer['name']}")
        aux = customer_of(facts["contact"], buyer["siren"], buyer["name"])
        bill = row["invoice__corrects_id"] or facts["record"]
        line = Line("VE", 0, on, "", "", number, on, said, 0, aux, bill)
        yield self._line("customers", line, sign * facts["total_cents"])
        sold = "services" if facts["operation"] == Operation.SERVICES else "goods"
        for base in facts["bases"]:
            yield self._line(sold, line, -sign * base["net_cents"], rate=base["vat"])
            yield self._line("vat", line, -sign * base["vat_cents"], rate=base["vat"])

    def _payment(self, facts: dict[str, Any], row: dict[str, Any]) -> Iterator[Line]:
        cents, method = facts["amount_cents"], Method(facts["method"])
        word = "Règlement" if cents > 0 else "Remboursement"
        said = plain(f"{word} {facts['invoice']} {method.label}")
        on, paid_on = date.fromisoformat(facts["on"]), date.fromisoformat(facts["paid_on"])
        of = [row[f"payment__invoice__{name}"] for name in ("contact_id", "siren", "buyer")]
        journal, bill = "CA" if method == Method.CASH else "BQ", row["payment__invoice_id"]
        piece = f"P{facts['record']}"
        line = Line(journal, 0, on, "", "", piece, paid_on, said, 0, customer_of(*of), bill)
        yield self._line(method.value, line, cents)
        yield self._line("customers", line, -cents)

    def _movement(self, facts: dict[str, Any], _row: dict[str, Any]) -> Iterator[Line]:
        move, cents = Move(facts["what"]), facts["amount_cents"]
        said = plain(f"{move.label} {facts['about']}")
        on, moved_on = date.fromisoformat(facts["on"]), date.fromisoformat(facts["moved_on"])
        line = Line("BQ", 0, on, "", "", f"M{facts['record']}", moved_on, said, 0)
        here, beside = _MOVES[move]
        yield self._line(here, line, cents)
        yield self._line(beside, line, -cents)

    def _opening(self) -> list[Line]:
        """What former years left: each open invoice, the other balances, and their result."""
        open_bills: dict[int, Line] = {}
        others: defaultdict[str, int] = defaultdict(int)
        names = {self.chosen.get(what) or number: what for what, (number, _l) in ACCOUNTS.items()}
        for row in _rows(on__lt=self.since):
            for line in self._entry(row):
                if line.bill:
                    before = open_bills.setdefault(line.bill, replace(line, cents=0))
                    open_bills[line.bill] = replace(before, cents=before.cents + line.cents)
                else:
                    what = names[line.account]
                    others["result" if what in _EARNED else what] += line.cents
        first = Line("AN", 0, self.since, "", "", "AN", self.since, JOURNALS["AN"], 0)
        kept = [
            replace(line, journal="AN", on=self.since, label=first.label)
            for line in open_bills.values()
            if line.cents
        ]
        return kept + [self._line(what, first, cents) for what, cents in others.items() if cents]

    def _settled(self) -> dict[int, tuple[str, date]]:
        """By invoice, the letter of its lines and the day on which nothing was owed any more."""
        until = {"record__on__lte": self.until}
        paid = Payment.objects.filter(invoice=OuterRef("pk"), **until)
        noted = Invoice.objects.filter(corrects=OuterRef("pk"), **until)
        bills = Invoice.objects.filter(type=Type.INVOICE, **until).annotate(
            came=_summed(paid.values("invoice"), "amount_cents"),
            taken=_summed(noted.values("corrects"), "total_cents"),
            last_paid=Subquery(paid.order_by("-pk").values("record__on")[:1]),
            last_noted=Subquery(noted.order_by("-pk").values("record__on")[:1]),
        )
        found = bills.filter(total_cents=F("came") - F("taken")).order_by("pk")
        days = found.values_list("pk", "last_paid", "last_noted").iterator(2000)
        ended = ((pk, max(day for day in last if day)) for pk, *last in days)
        here = ((pk, day) for pk, day in ended if day >= self.since)
        return {pk: (letters(turn), day) for turn, (pk, day) in enumerate(here)}


def _summed(rows: Any, name: str) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().annotate(sum=Sum(name)).values("sum")), 0)


def _rows(**within: Any) -> Iterator[dict[str, Any]]:
    found = Record.objects.filter(**within).exclude(kind=RecordKind.CLOSURE).order_by("number")
    of = [f"payment__invoice__{name}" for name in ("contact_id", "siren", "buyer")]
    links = ("invoice__corrects_id", "payment__invoice_id")
    return found.values("body", "kind", *links, *of).iterator(2000)


# --- the file --------------------------------------------------------------------------------


def checked(lines: Iterable[Line], since: date, until: date) -> Iterator[Line]:
    """Pass the lines on; raises ``WrongLine`` at the first that the tax office's tester refuses."""
    balance, entry, number = 0, 0, 1
    journals: defaultdict[str, int] = defaultdict(int)
    for number, line in enumerate(lines, start=2):  # the first line names the columns
        if why := _wrong(line, since, until):
            raise WrongLine(line=number, why=why)
        if line.entry != entry:
            if balance or line.entry != entry + 1:
                raise WrongLine(
                    line=number, why="l’écriture d’avant manque ou n’est pas équilibrée"
                )
            entry = line.entry
        balance += line.cents
        journals[line.journal] += line.cents
        yield line
    if balance or any(journals.values()):
        raise WrongLine(line=number, why="le fichier ou un journal n’est pas équilibré")


def _wrong(line: Line, since: date, until: date) -> str:
    cells = line.cells
    if len(cells) != len(COLUMNS) or any(plain(cell) != cell for cell in cells):
        return "une colonne manque ou contient un caractère interdit"
    if not (line.account[:3].isascii() and line.account[:3].isdecimal()):
        return "le compte ne commence pas par trois chiffres"
    if not all((line.piece, line.label, line.account_label, line.cents)):
        return "une référence, un libellé ou un montant est vide"
    if not since <= line.on <= until:
        return "la date est hors de l’exercice"
    return "le lettrage est incomplet" if bool(line.letter) != bool(line.lettered_on) else ""


def fec(books: Books) -> Iterator[bytes]:
    """The file, line by line: tabs, CRLF, UTF-8 without BOM. Raises ``WrongLine``."""
    yield ("\t".join(COLUMNS) + "\r\n").encode()
    for line in checked(books.lines(), books.since, books.until):
        yield ("\t".join(line.cells) + "\r\n").encode()


@dataclass(frozen=True, slots=True)
class Year:
    """Twelve months of the books, which close with the month ``ends`` of ``year``."""

    year: int
    ends: int = 12

    @classmethod
    def of(cls, day: date, ends: int) -> Self:
        return cls(day.year if day.month <= ends else day.year + 1, ends)

    @property
    def since(self) -> date:
        return _last_day(self.year - 1, self.ends) + timedelta(days=1)

    @property
    def until(self) -> date:
        return _last_day(self.year, self.ends)

    def __str__(self) -> str:
        return str(self.year) if self.ends == 12 else f"{self.year - 1}-{self.year}"


def _last_day(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def file_name(siren: str, until: date) -> str:
    """As the law names it, without its ending."""
    return f"{siren}FEC{until:%Y%m%d}"


@dataclass(frozen=True, slots=True)
class Balance:
    account: str
    label: str
    debit: int
    credit: int

    @property
    def rest(self) -> int:
        return self.debit - self.credit


def balances(books: Books) -> list[Balance]:
    """Account by account, what a person reads before the file is handed over."""
    found: dict[str, Balance] = {}
    for line in checked(books.lines(), books.since, books.until):
        before = found.get(line.account) or Balance(line.account, "", 0, 0)
        found[line.account] = Balance(
            line.account,
            before.label or line.account_label,
            before.debit + max(0, line.cents),
            before.credit + max(0, -line.cents),
        )
    return [found[account] for account in sorted(found)]


DESCRIPTION = """\
Description du fichier {name} (livre des procédures fiscales, art. A47 A-1, VII)

Entreprise : {company}, SIREN {siren}. Produit par Comptoir : ventes, TVA, règlements,
paiements en ligne et leurs frais.
Fichier à plat, en UTF-8 sans marque d’ordre, une ligne par ligne d’écriture, fins de ligne CRLF.
La première ligne nomme les dix-huit zones, séparées par une tabulation :
{columns}
Dates : AAAAMMJJ. Montants : virgule décimale, sans séparateur de milliers, en euros ; Montantdevise
et Idevise restent vides. EcritureNum suit l’ordre de validation, celui du registre scellé des
factures et des paiements ; ValidDate est le jour où la pièce a été scellée. Journaux : {journals}.
CompAuxNum : S et le SIREN d’une entreprise, C et le numéro d’une fiche client, {passing} pour les
autres. EcritureLet réunit une facture, ses avoirs et ses règlements une fois qu’ils se compensent.
"""


def describe(shop: Shop, name: str, chosen: Mapping[str, str]) -> str:
    """The description that the law wants beside the file."""
    return DESCRIPTION.format(
        name=name,
        company=shop.legal_name or shop.name,
        siren=shop.siren,
        columns=", ".join(COLUMNS),
        journals=", ".join(f"{chosen.get(code, code)} {label}" for code, label in JOURNALS.items()),
        passing=PASSING[0],
    )
