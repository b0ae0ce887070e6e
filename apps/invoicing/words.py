"""What a person says of an invoice before it is one, and how a draft keeps it."""

from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Self
from uuid import UUID, uuid4

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal
from apps.invoicing.reckoning import THOUSAND, WHOLE, Sums, reckon, rounded

COUNTRIES = {
    "FR": _("France"),
    "DE": _("Allemagne"),
    "AT": _("Autriche"),
    "BE": _("Belgique"),
    "CA": _("Canada"),
    "DK": _("Danemark"),
    "ES": _("Espagne"),
    "US": _("États-Unis"),
    "IE": _("Irlande"),
    "IT": _("Italie"),
    "JP": _("Japon"),
    "LU": _("Luxembourg"),
    "MC": _("Monaco"),
    "NL": _("Pays-Bas"),
    "PT": _("Portugal"),
    "GB": _("Royaume-Uni"),
    "SE": _("Suède"),
    "CH": _("Suisse"),
}


class Operation(TextChoices):
    GOODS = "goods", _("Vente de biens")
    SERVICES = "services", _("Prestation de services")
    MIXED = "mixed", _("Biens et services")


class NothingToInvoice(Refusal):
    message = _("Une facture a au moins une ligne, et un total au-dessus de zéro.")
    status = 422


class CompanyWithoutSiren(Refusal):
    message = _(
        "Une facture à une entreprise française porte son SIREN : demandez-le, ou facturez la "
        "personne à titre privé."
    )
    status = 422


@dataclass(frozen=True, slots=True)
class Address:
    street: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = "FR"


@dataclass(frozen=True, slots=True)
class Buyer:
    name: str
    address: Address
    is_business: bool = False
    siren: str = ""
    vat_number: str = ""


@dataclass(frozen=True, slots=True)
class LineWords:
    """One line as it was typed. ``quantity`` in thousandths; a discount is a share of ten thousand
    or an amount, of the whole line."""

    label: str
    quantity: int
    unit_cents: int
    vat: int
    discount_share: int = 0
    discount_cents: int = 0

    @property
    def before_discount(self) -> int:
        return rounded(self.quantity * self.unit_cents, THOUSAND)

    @property
    def off(self) -> int:
        """The discount in cents; more than the line is refused by the form, never paid out."""
        gross = self.before_discount
        return min(gross, self.discount_cents + rounded(gross * self.discount_share, WHOLE))

    @property
    def amount(self) -> int:
        """What the line costs, in the prices that were typed."""
        return self.before_discount - self.off


def _kept(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _read(day: str | None) -> date | None:
    return date.fromisoformat(day) if day else None


@dataclass(frozen=True, slots=True)
class InvoiceWords:
    """``taxed``: prices are with VAT. ``supplied_on``: when it was handed over or done; ``None``
    means the day of issue. ``delivery`` only where it is not the buyer's address; ``territory``
    only where VAT is another's than the seller's own; ``paid_on`` only where it was paid whole
    before it is issued."""

    buyer: Buyer
    lines: tuple[LineWords, ...]
    taxed: bool = True
    operation: str = Operation.GOODS
    supplied_on: date | None = None
    delivery: Address | None = None
    note: str = ""
    territory: str = ""
    paid_on: date | None = None

    def kept(self) -> dict[str, Any]:
        """As JSON takes it; ``of`` reads it back."""
        days = {"supplied_on": _kept(self.supplied_on), "paid_on": _kept(self.paid_on)}
        return {**asdict(self), "operation": str(self.operation), **days}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        buyer, delivery = kept["buyer"], kept["delivery"]
        address = Address(**buyer["address"])
        return cls(
            buyer=Buyer(**{**buyer, "address": address}),
            lines=tuple(LineWords(**line) for line in kept["lines"]),
            taxed=kept["taxed"],
            operation=kept["operation"],
            supplied_on=_read(kept["supplied_on"]),
            delivery=Address(**delivery) if delivery else None,
            note=kept["note"],
            territory=kept.get("territory", ""),  # drafts of before have none
            paid_on=_read(kept.get("paid_on")),
        )

    @property
    def sums(self) -> Sums:
        return reckon(((one.vat, one.amount) for one in self.lines), taxed=self.taxed)

    def without_vat(self) -> Self:
        """For who charges none: what was typed is what is due."""
        return replace(self, lines=tuple(replace(line, vat=0) for line in self.lines))

    def check(self) -> None:
        """Raises ``NothingToInvoice``, ``CompanyWithoutSiren``."""
        if not self.lines or self.sums.total_cents <= 0:
            raise NothingToInvoice()
        buyer = self.buyer
        if buyer.is_business and buyer.address.country == "FR" and not buyer.siren:
            raise CompanyWithoutSiren()


@dataclass(frozen=True, slots=True)
class Cause:
    """What an invoice comes from: a person the shop knows, a purchase it recorded; ``token`` is the
    form's, which sent twice writes one draft."""

    contact_id: int | None = None
    purchase_id: int | None = None
    token: UUID = field(default_factory=uuid4)
