"""Invoices, what was paid of them, the chain that seals both, and its closures. Shop's schema.

A ``Record`` is what the law wants unchanged: its ``body`` is the fact itself, as bytes that a
person can read, and holds the hash of the one before (``seal``). ``Invoice``, ``Payment`` and
``Closure`` repeat of it what lists and sums ask for; ``manage.py verify_seal`` holds them equal.
None of the four is ever updated or deleted: the application's role may not.
"""

import json
from datetime import date
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

import apps.invoicing.push_models  # noqa: F401 (Django looks for models here alone)
from apps.catalog.models import Purchase
from apps.contacts.models import Contact
from apps.core.french import search_key
from apps.messaging.models import Message

LAW = ("pièces comptables et leur inaltérabilité (C. com. L123-22, CGI art. 286 I-3° bis)", 10)


class Terms(models.Model):
    """What the shop's invoices say by law, beside its name and address. One row."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    legal_form = models.CharField(_("forme et capital"), max_length=80, blank=True)
    registration = models.CharField(_("immatriculation"), max_length=80, blank=True)
    vat_number = models.CharField(_("numéro de TVA"), max_length=13, blank=True)
    is_exempt = models.BooleanField(_("franchise en base de TVA"), default=False)
    exemption = models.CharField(
        _("mention de la franchise"),
        max_length=120,
        default="TVA non applicable, art. 293 B du CGI",
    )
    on_debits = models.BooleanField(_("TVA acquittée d’après les débits"), default=False)
    days_to_pay = models.PositiveSmallIntegerField(_("délai de paiement"), default=30)
    penalty = models.CharField(
        _("pénalités de retard"), max_length=120, default="trois fois le taux d’intérêt légal"
    )
    indemnity_cents = models.PositiveIntegerField(_("indemnité de recouvrement"), default=4000)
    early_discount = models.CharField(
        _("escompte"), max_length=120, default="Pas d’escompte pour paiement anticipé."
    )
    iban = models.CharField(_("IBAN"), max_length=34, blank=True)
    accounts = models.JSONField(default=dict, db_default={})  # those of its own, see ``books``
    # The month whose last day closes the books' year.
    year_ends = models.PositiveSmallIntegerField(_("fin de l’exercice"), default=12, db_default=12)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(days_to_pay__lte=60), name="paid_within_sixty_days"),
            models.CheckConstraint(
                condition=Q(year_ends__range=(1, 12)), name="a_year_ends_with_a_month"
            ),
        ]

    def __str__(self) -> str:
        return "Terms"


class Draft(models.Model):
    """An invoice that is being written: without a number, and free to change or throw away."""

    token = models.UUIDField(unique=True, default=uuid4, editable=False)  # the invoice's to be
    words = models.JSONField()  # words.InvoiceWords.kept()
    buyer = models.CharField(max_length=120)
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")
    purchase = models.ForeignKey(Purchase, models.PROTECT, null=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-changed_at"], name="drafts_by_change")]

    def __str__(self) -> str:
        return f"Draft {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("invoice_draft", args=[self.pk])


class Chain(models.Model):
    """The end of the shop's chain. One row; its lock is what makes numbers follow one another."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64)
    at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Chain {self.number}"


class RecordKind(models.TextChoices):
    INVOICE = "invoice", _("Facture")
    PAYMENT = "payment", _("Paiement")
    CLOSURE = "closure", _("Clôture")
    MOVEMENT = "movement", _("Mouvement en ligne")

    @classmethod
    def of_sales(cls) -> "tuple[RecordKind, RecordKind]":
        """Those that a bookkeeping program is sent."""
        return cls.INVOICE, cls.PAYMENT


class Record(models.Model):
    """One link of the chain: ``hash`` is the SHA-256 of ``body`` in UTF-8. Append-only."""

    append_only = True
    kept_by_law = LAW

    number = models.PositiveBigIntegerField(primary_key=True)
    kind = models.CharField(max_length=8, choices=RecordKind)
    at = models.DateTimeField()
    on = models.DateField(db_index=True)  # by the shop's clock
    body = models.TextField()
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(number__gte=1), name="the_chain_begins_at_one")
        ]

    def __str__(self) -> str:
        return f"Record {self.number}"

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Type(models.TextChoices):
    INVOICE = "invoice", _("Facture")
    CREDIT = "credit", _("Avoir")


def _sum_of(rows: "models.QuerySet[Any]", field: str) -> Coalesce:
    """Of the rows that point at the outer invoice by the column they are filtered on."""
    summed = rows.order_by().annotate(sum=Sum(field)).values("sum")
    return Coalesce(Subquery(summed), 0)


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def with_balance(self) -> Self:
        """``credited`` (below zero), ``paid``, and ``owed``: what is left to pay; below zero, to
        give back. A credit note owes nothing: its invoice does."""
        credits_, paid = Invoice.objects.filter(corrects=OuterRef("pk")), Payment.objects
        credited = credits_.values("corrects")
        counted = self.annotate(
            credited=_sum_of(credited, "total_cents"),
            paid=_sum_of(paid.filter(invoice=OuterRef("pk")).values("invoice"), "amount_cents"),
        )
        return counted.annotate(owed=F("total_cents") + F("credited") - F("paid"))

    def unpaid(self) -> Self:
        return self.with_balance().filter(type=Type.INVOICE, owed__gt=0)

    def overdue(self, today: date) -> Self:
        return self.unpaid().filter(due_on__lt=today)

    def matching(self, text: str) -> Self:
        """By words of the buyer's name however accented, or by the number."""
        found = self
        for word in search_key(text).split():
            found = found.filter(search__contains=word)
        return found


class Invoice(models.Model):
    """An invoice that was issued, or a credit note (``corrects`` one). Append-only.

    Amounts of a credit note are below zero. The buyer stands in the record as they were that day:
    what becomes of the person's record changes nothing.
    """

    append_only = True
    kept_by_law = LAW

    record = models.OneToOneField(Record, models.PROTECT, primary_key=True)
    type = models.CharField(max_length=7, choices=Type)
    number = models.CharField(max_length=20, unique=True)
    series = models.CharField(max_length=12)
    position = models.PositiveIntegerField()
    token = models.UUIDField(unique=True)
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")
    purchase = models.ForeignKey(Purchase, models.PROTECT, null=True, related_name="+")
    corrects = models.ForeignKey("self", models.PROTECT, null=True, related_name="corrections")
    buyer = models.CharField(max_length=120)
    search = models.CharField(max_length=200)
    is_business = models.BooleanField()
    siren = models.CharField(max_length=9, blank=True)
    issued_on = models.DateField()
    due_on = models.DateField()
    net_cents = models.BigIntegerField()
    vat_cents = models.BigIntegerField()
    total_cents = models.BigIntegerField()
    # Where ``with_balance`` has counted them.
    credited: int
    paid: int
    owed: int

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["series", "position"], name="one_invoice_per_place_in_a_series"
            ),
            models.CheckConstraint(
                condition=Q(type="invoice", corrects=None, total_cents__gt=0)
                | Q(type="credit", corrects__isnull=False, total_cents__lt=0),
                name="a_credit_note_corrects_an_invoice",
            ),
            models.CheckConstraint(
                condition=Q(total_cents=F("net_cents") + F("vat_cents")), name="base_and_vat_add_up"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-issued_on"], name="invoices_by_day")]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("invoice", args=[self.number])

    @property
    def is_credit(self) -> bool:
        return self.type == Type.CREDIT


class PaperState(models.TextChoices):
    PREPARING = "making", _("en préparation")
    READY = "ready", _("prête")
    REFUSED = "refused", _("refusée")


class Paper(models.Model):
    """The file of an invoice (``paper``): made by a worker, kept once every check has passed."""

    names_files = ("file",)

    invoice = models.OneToOneField(Invoice, models.PROTECT, primary_key=True)
    state = models.CharField(max_length=8, choices=PaperState, default=PaperState.PREPARING)
    reason = models.CharField(max_length=600, blank=True)
    file = models.CharField(max_length=160, blank=True)
    made_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state="ready") | ~Q(file=""), name="a_ready_paper_has_its_file"
            )
        ]

    def __str__(self) -> str:
        return f"Paper {self.pk}"


class Sending(models.Model):
    """An invoice that left by e-mail: the message says to whom, when, and what became of it."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="sendings")
    message = models.OneToOneField(Message, models.CASCADE, related_name="+")
    token = models.UUIDField(unique=True)

    def __str__(self) -> str:
        return f"Sending {self.pk}"


class Method(models.TextChoices):
    CASH = "cash", _("Espèces")
    CARD = "card", _("Carte")
    TRANSFER = "transfer", _("Virement")
    CHEQUE = "cheque", _("Chèque")
    ONLINE = "online", _("En ligne")  # by Stripe: what it keeps is the books' own matter


class Payment(models.Model):
    """Money that came for an invoice; below zero, that went back. Append-only: a slip is taken
    back by a line of its own (``reverses``)."""

    append_only = True
    kept_by_law = LAW

    record = models.OneToOneField(Record, models.PROTECT, primary_key=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="payments")
    amount_cents = models.BigIntegerField()
    method = models.CharField(max_length=8, choices=Method)
    paid_on = models.DateField()
    token = models.UUIDField(unique=True)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversal")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(amount_cents=0), name="a_payment_moves_money")
        ]

    def __str__(self) -> str:
        return f"Payment {self.pk}"


class Move(models.TextChoices):
    """What moves the account of online payments beside the payments themselves."""

    FEE = "fee", _("Frais de paiement")
    SHARE = "share", _("Part de Comptoir")
    CONTESTED = "contested", _("Contestation")
    LOST = "lost", _("Contestation perdue")
    RETURNED = "returned", _("Remboursement revenu")
    PAYOUT = "payout", _("Versement")


class Movement(models.Model):
    """Money that Stripe kept, took, gave again or paid out (``online``). Append-only: what turns
    out otherwise is a line of its own. ``amount_cents`` is above zero where the shop has more."""

    append_only = True
    kept_by_law = LAW

    record = models.OneToOneField(Record, models.PROTECT, primary_key=True)
    what = models.CharField(max_length=9, choices=Move)
    about = models.CharField(max_length=64, db_index=True)  # Stripe's name of it
    amount_cents = models.BigIntegerField()
    moved_on = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(amount_cents=0), name="a_movement_moves_money")
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.about}"


class Period(models.TextChoices):
    DAY = "day", _("Jour")
    MONTH = "month", _("Mois")
    YEAR = "year", _("Année")


class Closure(models.Model):
    """A day, month or year that is over, with its totals and those of all time. Append-only."""

    append_only = True
    kept_by_law = LAW

    record = models.OneToOneField(Record, models.PROTECT, primary_key=True)
    period = models.CharField(max_length=5, choices=Period)
    starts = models.DateField()
    total_cents = models.BigIntegerField()  # invoices less credit notes, with VAT
    perpetual_cents = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["period", "starts"], name="a_period_is_closed_once")
        ]

    def __str__(self) -> str:
        return f"Closure {self.period}:{self.starts}"
