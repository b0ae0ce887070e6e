"""The shop's legal texts: what they are made of, each version word for word, who accepted which.
Shop's schema.

A version and an acceptance are never updated or deleted: the application's role may not.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact


class Kind(models.TextChoices):
    SALES = "sales", _("Conditions générales de vente")
    WITHDRAWAL = "withdrawal", _("Rétractation")
    NOTICE = "notice", _("Mentions légales")
    DATA = "data", _("Contrat de données personnelles")  # between the shop and the platform


class SaleTerms(models.Model):
    """What the texts say of the shop's sales, beside its name and address. One row."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    mediator = models.CharField(_("médiateur de la consommation"), max_length=120, blank=True)
    mediator_address = models.CharField(_("son adresse"), max_length=160, blank=True)
    mediator_site = models.URLField(_("son site"), max_length=160, blank=True)
    hands_over = models.BooleanField(_("retrait en boutique"), default=True)
    days_kept = models.PositiveSmallIntegerField(_("jours de garde d’une commande"), default=14)
    delivers = models.BooleanField(_("livraison"), default=False)
    delivery_zone = models.CharField(_("où vous livrez"), max_length=120, blank=True)
    delivery_days = models.PositiveSmallIntegerField(_("délai de livraison, en jours"), default=7)
    delivery_cost = models.CharField(_("frais de livraison"), max_length=160, blank=True)
    pays_return = models.BooleanField(_("retour à vos frais"), default=False)
    return_address = models.CharField(_("adresse de retour"), max_length=160, blank=True)
    subscriptions = models.BooleanField(_("vente par abonnement"), default=False)
    own_words = models.TextField(_("vos conditions particulières"), max_length=4000, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(delivery_days__range=(1, 30)), name="delivered_within_thirty_days"
            )
        ]

    def __str__(self) -> str:
        return "SaleTerms"


class Version(models.Model):
    """A text as it was published: ``hash`` is the SHA-256 of ``body`` in UTF-8. Append-only."""

    append_only = True
    kept_by_law = ("contrats conclus par voie électronique (C. conso. L213-1 et D213-2)", 10)

    kind = models.CharField(max_length=10, choices=Kind)
    number = models.PositiveIntegerField()
    body = models.TextField()
    hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "number"], name="one_text_per_kind_and_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="texts_begin_at_one"),
        ]

    def __str__(self) -> str:
        return f"Version {self.kind}:{self.number}"


class Acceptance(models.Model):
    """Who accepted which version, when, for what (« club:12 »): a customer, or somebody of the
    team for the shop. Append-only, ids alone; it stays with the record that accepted, whatever
    that record was merged into since."""

    append_only = True
    kept_by_law = Version.kept_by_law

    version = models.ForeignKey(Version, models.PROTECT, related_name="acceptances", db_index=False)
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")
    actor_id = models.BigIntegerField(null=True)
    cause = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "contact", "actor_id", "cause"],
                nulls_distinct=False,
                name="accepted_once_for_a_cause",
            ),
            models.CheckConstraint(
                condition=Q(contact=None, actor_id__isnull=False)
                | Q(contact__isnull=False, actor_id=None),
                name="accepted_by_a_customer_or_the_team",
            ),
        ]

    def __str__(self) -> str:
        return f"Acceptance {self.pk}"
