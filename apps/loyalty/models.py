"""Programme, card, the ledger of movements, rewards. Shop's schema."""

from typing import ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.core.tokens import new_token


class Programme(models.Model):
    """The shop's rule. One row; its settings guard the counter too."""

    goal = models.PositiveSmallIntegerField(
        _("tampons pour une récompense"),
        default=10,
        validators=[MinValueValidator(2), MaxValueValidator(20)],
    )
    reward = models.CharField(_("récompense"), max_length=80)
    reward_is_alcohol = models.BooleanField(_("la récompense est de l’alcool"), default=False)
    cooldown_minutes = models.PositiveSmallIntegerField(
        _("minutes entre deux tampons d’une carte"),
        default=30,
        validators=[MaxValueValidator(1440)],
    )
    helper_hourly_limit = models.PositiveSmallIntegerField(
        _("tampons par heure et par personne"),
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
    )
    started_at = models.DateTimeField(default=timezone.now)
    only = models.BooleanField(default=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["only"], name="one_programme"),
            models.CheckConstraint(condition=Q(only=True), name="programme_is_the_only_one"),
            models.CheckConstraint(condition=Q(goal__gte=2, goal__lte=20), name="goal_fits_a_card"),
        ]

    def __str__(self) -> str:
        return self.reward


class Card(models.Model):
    """A person's card. ``balance`` is the sum of its movements, kept in the same transaction.

    ``token`` opens the public page and is what the QR says; renewing it closes old links.
    """

    contact = models.OneToOneField(Contact, models.PROTECT, related_name="card")
    number = models.PositiveIntegerField(unique=True)
    token = models.CharField(max_length=22, unique=True, default=new_token)
    balance = models.PositiveSmallIntegerField(default=0)
    rewards_ready = models.PositiveSmallIntegerField(default=0)
    last_stamp_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    renewed_at = models.DateTimeField(null=True)

    class Meta:
        # None on what a stamp writes: PostgreSQL then rewrites the row beside itself.
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(rewards_ready__gt=0), name="card_with_reward")
        ]

    def __str__(self) -> str:
        return f"Card {self.number}"


class MovementKind(models.TextChoices):
    EARN = "earn", _("Tampon")
    UNDO = "undo", _("Tampon annulé")
    REWARD = "reward", _("Récompense gagnée")
    REWARD_BACK = "back", _("Récompense retirée")
    IMPORT = "import", _("Reprise d’une autre carte")
    TRANSFER = "transfer", _("Reçu d’une autre carte")


class Movement(models.Model):
    """One line of a card's ledger. Append-only: an error is corrected by another line."""

    append_only = True

    card = models.ForeignKey(Card, models.PROTECT, related_name="movements", db_index=False)
    kind = models.CharField(max_length=8, choices=MovementKind)
    stamps = models.SmallIntegerField()
    token = models.UUIDField(unique=True)  # made by the phone: sent twice, written once
    undoes = models.OneToOneField("self", models.PROTECT, null=True, related_name="undone_by")
    amount_cents = models.PositiveIntegerField(null=True)
    visit_before = models.DateTimeField(null=True)  # the person's last visit until this stamp
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                # Not kind IN (…): PostgreSQL rewrites it, and a replayed schema would differ.
                condition=(Q(kind="undo") | Q(kind="back")) & Q(undoes__isnull=False)
                | ~Q(kind="undo") & ~Q(kind="back") & Q(undoes=None),
                name="an_undo_undoes_something",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["card", "-at"], name="movement_of_card"),
            models.Index(fields=["actor_id", "-at"], name="movement_of_actor"),
            models.Index(fields=["-at"], name="movement_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.card_id}:{self.kind}:{self.stamps}"


class RewardQuerySet(models.QuerySet["Reward"]):
    def ready(self) -> Self:
        """Won, and neither redeemed nor taken back."""
        return self.filter(redemption=None, taken_back_at=None)


class Reward(models.Model):
    """A reward won: ready, then redeemed once, or taken back by an undo.

    ``won_by`` is the ledger's REWARD line, whose ``stamps`` are the price paid (negative).
    """

    card = models.ForeignKey(Card, models.PROTECT, related_name="rewards", db_index=False)
    won_by = models.OneToOneField(Movement, models.PROTECT, related_name="reward")
    label = models.CharField(max_length=80)
    is_alcohol = models.BooleanField(default=False)
    won_at = models.DateTimeField(default=timezone.now)
    taken_back_at = models.DateTimeField(null=True)

    objects = RewardQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["card", "-won_at"], name="reward_of_card")]

    def __str__(self) -> str:
        return f"Reward {self.pk}"


class Redemption(models.Model):
    """A reward handed over. The database allows one per reward."""

    append_only = True

    reward = models.OneToOneField(Reward, models.PROTECT, related_name="redemption")
    token = models.UUIDField(unique=True)
    id_checked = models.BooleanField(default=False)  # the helper saw a proof of age
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="redemption_by_time")]

    def __str__(self) -> str:
        return f"Redemption of {self.reward_id}"


class Joining(models.Model):
    """What someone typed on the public page, waiting for the holder's tap in the message.

    ``contact`` is who the page showed at once. When the number or mailbox was already known,
    ``contact`` is a fresh record without address, and ``known`` is the one that holds it: the
    tap joins the two. Without the tap nobody learns that the number was known. ``key`` comes
    from the page (and from what was typed): a form sent twice joins once.
    """

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="joinings")
    known = models.ForeignKey(Contact, models.CASCADE, null=True, related_name="+")
    channel = models.CharField(max_length=5)
    address = models.CharField(max_length=254)
    agreed = models.JSONField(default=list)  # channels ticked
    wording = models.CharField(max_length=20)
    token = models.CharField(max_length=22, unique=True, default=new_token)
    key = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "channel"], name="one_joining_per_form")
        ]

    def __str__(self) -> str:
        return f"Joining {self.pk}"
