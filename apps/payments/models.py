"""Whom Stripe knows by which name, and what it told us. Public schema; ids and words alone.

What Stripe says of prices and subscriptions stands in dj-stripe's tables (see ``mirror``).
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.shops.models import of_shop


class Subscriber(models.Model):
    """The shop as the platform's customer at Stripe."""

    walled_by = "shop"
    read_by_all = True  # by Stripe's name of it, before a shop is known

    shop = of_shop()
    customer_id = models.CharField(max_length=64, unique=True)
    checkout_id = models.CharField(max_length=100, blank=True)  # the last page it was offered
    # When the read began from which its state was last taken: an older one changes nothing.
    read_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("boutique abonnée")
        verbose_name_plural = _("boutiques abonnées")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="one_subscriber_per_shop")
        ]

    def __str__(self) -> str:
        return self.customer_id


class ShopAccount(models.Model):
    """The shop's own account at Stripe, on which its customers pay it, and how it stands there."""

    walled_by = "shop"
    read_by_all = True  # by Stripe's name of it, before a shop is known

    shop = of_shop()
    account_id = models.CharField(max_length=64, unique=True)
    takes_cards = models.BooleanField(_("encaisse"), default=False, db_default=False)
    takes_debits = models.BooleanField(_("prélève"), default=False, db_default=False)
    pays_out = models.BooleanField(_("verse"), default=False, db_default=False)
    told_all = models.BooleanField(_("tout est transmis"), default=False, db_default=False)
    asked = models.JSONField(_("demandé par Stripe"), default=list, blank=True)  # Stripe's words
    late = models.BooleanField(_("en retard"), default=False, db_default=False)
    why = models.CharField(_("raison"), max_length=60, blank=True, default="", db_default="")
    left_at = models.DateTimeField(_("accès retiré"), null=True)
    read_at = models.DateTimeField(null=True)  # as of a subscriber
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("compte d’encaissement")
        verbose_name_plural = _("comptes d’encaissement")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="one_account_per_shop")
        ]

    def __str__(self) -> str:
        return self.account_id


class PlanBill(models.Model):
    """What a shop paid for its plan, was given back of it, or has left of it after a change to a
    lesser one (``corrects``, where it is of a bill), as Stripe said once.

    The platform's own shop puts it on an invoice of its own (``invoicing.our_bills``): until then
    ``number`` is empty, and ``waits_for`` says in a sentence what it waits for.
    """

    walled_by = "shop"

    shop = of_shop(db_index=True)
    stripe_id = models.CharField(_("chez Stripe"), max_length=64, unique=True)  # in_…, in_…/2, re_…
    payment_id = models.CharField(max_length=64, blank=True)  # Stripe's payment intent
    corrects = models.ForeignKey("self", models.CASCADE, null=True, related_name="corrections")
    plan = models.CharField(_("formule"), max_length=12, blank=True)
    net_cents = models.IntegerField(_("hors taxe"))
    total_cents = models.IntegerField(_("toutes taxes"))  # below zero: back, or left for later
    paid_cents = models.IntegerField(_("encaissé"))
    since = models.DateTimeField(null=True)  # the period it pays for
    until = models.DateTimeField(null=True)
    happened_at = models.DateTimeField(_("payée"))
    number = models.CharField(_("facture"), max_length=20, blank=True)
    waits_for = models.CharField(_("attend"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("facture de formule")
        verbose_name_plural = _("factures de formule")

    def __str__(self) -> str:
        return self.stripe_id


class Charge(models.Model):
    """What a customer of the shop paid it on its own account, as Stripe says it now: rebuilt by
    asking anew, in ids and cents. ``paid_as`` is Stripe's name of its invoice, or of the one
    payment where there is none."""

    walled_by = "shop"

    shop = of_shop()
    charge_id = models.CharField(max_length=64, unique=True)
    payment_id = models.CharField(max_length=64, blank=True)
    paid_as = models.CharField(max_length=64, blank=True)
    amount_cents = models.PositiveIntegerField()
    refunded_cents = models.PositiveIntegerField(default=0)
    fee_cents = models.IntegerField(default=0)  # Stripe's
    kept_cents = models.IntegerField(default=0)  # the platform's share
    share_id = models.CharField(max_length=64, blank=True, default="", db_default="")  # fee_…
    share_back_cents = models.IntegerField(default=0, db_default=0)  # given back of that share
    by = models.CharField(max_length=12, blank=True)  # « card », « sepa_debit »
    last4 = models.CharField(max_length=4, blank=True)
    made_at = models.DateTimeField()
    read_at = models.DateTimeField()  # as of a subscriber

    class Meta:
        verbose_name = _("paiement d’un client")
        verbose_name_plural = _("paiements des clients")
        indexes: ClassVar = [models.Index(fields=["shop", "-made_at"], name="charges_by_day")]

    def __str__(self) -> str:
        return self.charge_id

    @property
    def share_cents(self) -> int:
        """What the platform has of it still."""
        return self.kept_cents - self.share_back_cents

    @property
    def name(self) -> str:
        """What an invoice of it is found by."""
        return self.paid_as or self.payment_id


class Back(models.TextChoices):
    SENDING = "sending", _("en cours d’envoi")
    UNKNOWN = "unknown", _("à vérifier chez Stripe")
    PENDING = "pending", _("en route")
    DONE = "succeeded", _("remboursé")
    FAILED = "failed", _("non remboursé")


UNSURE = (Back.SENDING, Back.UNKNOWN)


class Refund(models.Model):
    """Money given back of a charge: asked for here (``once`` is the form's mark), or at Stripe's
    own dashboard. ``sending`` and ``unknown`` are settled by asking Stripe."""

    walled_by = "shop"

    shop = of_shop(db_index=True)
    charge = models.ForeignKey(Charge, models.CASCADE, related_name="refunds")
    once = models.UUIDField(unique=True, null=True)
    refund_id = models.CharField(max_length=64, blank=True)
    amount_cents = models.PositiveIntegerField()
    reason = models.CharField(max_length=24, blank=True)  # a code of ``refunding.REASONS``
    status = models.CharField(max_length=10, choices=Back, default=Back.SENDING)
    why_not = models.CharField(max_length=60, blank=True)  # Stripe's code
    actor_id = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField()

    class Meta:
        verbose_name = _("remboursement")
        verbose_name_plural = _("remboursements")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["refund_id"],
                condition=~models.Q(refund_id=""),
                name="one_refund_per_name_at_stripe",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_cents__gt=0), name="a_refund_gives_something_back"
            ),
        ]

    def __str__(self) -> str:
        return self.refund_id or str(self.once)


class Verdict(models.TextChoices):
    """Where a dispute stands, whatever words Stripe has for the way there."""

    ANSWER = "answer", _("à répondre")
    WAITING = "waiting", _("la banque examine")
    WON = "won", _("gagnée")
    LOST = "lost", _("perdue")


class Dispute(models.Model):
    """A customer's bank asks why a charge was taken. An ``is_inquiry`` takes nothing yet."""

    walled_by = "shop"

    shop = of_shop(db_index=True)
    charge = models.ForeignKey(Charge, models.CASCADE, related_name="disputes")
    dispute_id = models.CharField(max_length=64, unique=True)
    amount_cents = models.PositiveIntegerField()
    taken_cents = models.IntegerField(default=0)  # off the account now
    fee_cents = models.IntegerField(default=0)
    reason = models.CharField(max_length=40, blank=True)
    verdict = models.CharField(max_length=8, choices=Verdict)
    is_inquiry = models.BooleanField(default=False)
    answer_by = models.DateTimeField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        verbose_name = _("contestation")
        verbose_name_plural = _("contestations")

    def __str__(self) -> str:
        return self.dispute_id


class Payout(models.Model):
    """What Stripe paid from the account to the shop's bank."""

    walled_by = "shop"

    shop = of_shop(db_index=True)
    payout_id = models.CharField(max_length=64, unique=True)
    amount_cents = models.IntegerField()
    status = models.CharField(max_length=12)
    arrives_on = models.DateField()
    read_at = models.DateTimeField()

    class Meta:
        verbose_name = _("versement")
        verbose_name_plural = _("versements")

    def __str__(self) -> str:
        return self.payout_id


class Outcome(models.TextChoices):
    APPLIED = "applied", _("appliqué")
    NOT_OURS = "not_ours", _("ne concerne aucune boutique")
    IGNORED = "ignored", _("sans effet ici")


class StripeEvent(models.Model):
    """Something happened at Stripe: told once, signed. What it is about is asked for anew, so
    that neither the order nor a replay matters, and nothing of a person is kept here."""

    event_id = models.CharField(max_length=64, unique=True)
    kind = models.CharField(_("événement"), max_length=80)
    account = models.CharField(_("compte"), max_length=64, blank=True)  # empty: the platform's
    about = models.CharField(_("objet"), max_length=64, blank=True)
    made_at = models.DateTimeField(_("chez Stripe"))
    received_at = models.DateTimeField(_("reçu"), default=timezone.now)
    # Not before; a worker that takes it moves it on, so that its death gives it back.
    due_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(_("essais"), default=0)
    applied_at = models.DateTimeField(_("appliqué"), null=True)
    outcome = models.CharField(_("suite"), max_length=10, choices=Outcome, blank=True)
    error = models.CharField(_("erreur"), max_length=80, blank=True)  # its kind, nobody's words

    class Meta:
        verbose_name = _("événement Stripe")
        verbose_name_plural = _("événements Stripe")
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="events_due"
            ),
            models.Index(fields=["received_at"], name="events_by_day"),
        ]

    def __str__(self) -> str:
        return self.event_id


class Gap(models.TextChoices):
    MISSED = "missed", _("Événement jamais reçu")
    CHANGED = "changed", _("Abonnement différent ici et chez Stripe")
    GONE = "gone", _("Abonnement inconnu de Stripe")
    NOBODYS = "nobodys", _("Abonnement sans boutique")
    TWICE = "twice", _("Deux abonnements pour une boutique")
    PRICE = "price", _("Prix hors de nos formules")
    RIGHTS = "rights", _("Droits de la boutique différents de son abonnement")
    CHARGE = "charge", _("Paiement d’un client différent ici et chez Stripe")
    UNBILLED = "unbilled", _("Formule payée et pas facturée")


class Difference(models.Model):
    """What a night's comparison with Stripe found, in ids and states."""

    gap = models.CharField(_("différence"), max_length=8, choices=Gap)
    about = models.CharField(_("objet"), max_length=64)
    account = models.CharField(
        _("compte"), max_length=64, blank=True, default="", db_default=""
    )  # empty: the platform's
    here = models.CharField(_("ici"), max_length=120, blank=True)
    there = models.CharField(_("chez Stripe"), max_length=120, blank=True)
    found_at = models.DateTimeField(_("vu la première fois"))
    seen_at = models.DateTimeField(_("vu la dernière fois"))
    gone_at = models.DateTimeField(_("n’est plus"), null=True)

    class Meta:
        verbose_name = _("différence avec Stripe")
        verbose_name_plural = _("différences avec Stripe")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["gap", "about"],
                condition=models.Q(gone_at=None),
                name="a_difference_is_listed_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.gap}:{self.about}"
