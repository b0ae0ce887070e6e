"""Programme, card, the ledger of movements, rewards. Shop's schema."""

from datetime import date, datetime, time, timedelta
from typing import ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

import apps.loyalty.referral_models  # noqa: F401 (Django looks for models here alone)
from apps.contacts.models import Contact
from apps.core.tokens import new_token
from apps.loyalty.rule import Kind, Offer, Promise, Tier, months_later


class MergeRule(models.TextChoices):
    SUM = "sum", _("Les deux soldes s’ajoutent")
    BETTER = "better", _("Le meilleur des deux reste")


class Programme(models.Model):
    """The shop's rule. One row; its settings guard the counter too.

    ``goal`` and ``reward`` are the main reward, which closes a round (``rule``); ``steps`` are
    the others: on the way to it, or of any price where points are spent. All in units.
    """

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.STAMPS, db_default="stamps")
    goal = models.PositiveIntegerField(default=10)
    reward = models.CharField(_("récompense"), max_length=80)
    reward_is_alcohol = models.BooleanField(_("la récompense est de l’alcool"), default=False)
    steps = models.JSONField(default=list, db_default=[])  # Offer.kept()
    points_per_euro = models.PositiveSmallIntegerField(default=1, db_default=1)
    bonus_times = models.PositiveSmallIntegerField(default=1, db_default=1)  # 1: no bonus hours
    bonus_days = models.CharField(max_length=7, default="", db_default="")  # "26": mardi, samedi
    bonus_from = models.TimeField(null=True)
    bonus_until = models.TimeField(null=True)
    tiers = models.JSONField(default=list, db_default=[])  # Tier.kept(), none: no tiers
    reward_days = models.PositiveSmallIntegerField(null=True)  # a reward waits so long; null: ever
    balance_months = models.PositiveSmallIntegerField(null=True)  # so long without a visit
    birthday_gift = models.CharField(max_length=80, default="", db_default="")
    birthday_is_alcohol = models.BooleanField(default=False, db_default=False)
    merge_rule = models.CharField(
        max_length=8, choices=MergeRule, default=MergeRule.SUM, db_default="sum"
    )
    referral = models.BooleanField(default=False, db_default=False)
    sponsor_gets = models.PositiveIntegerField(default=1, db_default=1)
    friend_gets = models.PositiveIntegerField(default=1, db_default=1)
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
    # What the watch lists (``apps.loyalty.watch``): stamps in five minutes by a person and on a
    # phone of the shop, minutes between two phones on one card; 0 for off.
    helper_pace = models.PositiveSmallIntegerField(default=12, db_default=12)
    device_pace = models.PositiveSmallIntegerField(default=20, db_default=20)
    apart_minutes = models.PositiveSmallIntegerField(default=10, db_default=10)
    watch_hours = models.BooleanField(default=True, db_default=True)
    started_at = models.DateTimeField(default=timezone.now)
    counted_since = models.DateTimeField(null=True)  # what was earned before was converted
    only = models.BooleanField(default=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["only"], name="one_programme"),
            models.CheckConstraint(condition=Q(only=True), name="programme_is_the_only_one"),
            models.CheckConstraint(
                condition=Q(goal__gte=2)
                & (Q(goal__lte=20) | Q(kind="euros", goal__lte=1_000_000) | Q(kind="points")),
                name="goal_can_be_reached",
            ),
            models.CheckConstraint(
                condition=Q(bonus_times__gte=1, bonus_times__lte=5), name="bonus_is_modest"
            ),
        ]

    def __str__(self) -> str:
        return self.reward

    @property
    def counts(self) -> Kind:
        return Kind(self.kind)

    @property
    def main(self) -> Offer:
        return Offer(self.goal, self.reward, self.reward_is_alcohol)

    @property
    def further(self) -> list[Offer]:
        """The other rewards, the nearest first."""
        return sorted(Offer(**kept) for kept in self.steps)

    @property
    def offers(self) -> list[Offer]:
        """All rewards, the nearest first."""
        return sorted([*self.further, self.main])

    @property
    def is_spent(self) -> bool:
        return self.counts.is_spent

    @property
    def ladder(self) -> list[Tier]:
        """The tiers, the lowest first."""
        return sorted(Tier(**kept) for kept in self.tiers)

    def tier_of(self, year_visits: int) -> int:
        """Which tier so many visits in twelve months are, from 1; 0 for none."""
        return sum(tier.at <= year_visits for tier in self.ladder)

    def tier_name(self, tier: int) -> str:
        return self.ladder[tier - 1].name if 0 < tier <= len(self.ladder) else ""

    @property
    def promise(self) -> Promise | None:
        """What a friend who is brought and who brings them get; None where nobody is asked to."""
        return Promise(self.counts, self.sponsor_gets, self.friend_gets) if self.referral else None

    @property
    def needs_nights(self) -> bool:
        """Whether the clock alone changes cards: tiers lapse, rewards and balances expire."""
        ages = self.reward_days or self.balance_months
        return bool(self.tiers or ages or self.birthday_gift)

    def reward_expires(self, now: datetime) -> datetime | None:
        """The end of a reward won ``now``: the midnight after its last day, by the shop's clock."""
        if self.reward_days is None:
            return None
        last = timezone.localdate(now) + timedelta(days=self.reward_days + 1)
        return timezone.make_aware(datetime.combine(last, time()))

    def balance_expires(self, last_stamp_at: datetime) -> date | None:
        """The day from which on a balance that nobody added to since is over."""
        if self.balance_months is None:
            return None
        last = months_later(timezone.localdate(last_stamp_at), self.balance_months)
        return last + timedelta(days=1)

    def worth(self, amount_cents: int | None) -> int:
        """The units of one gesture, before any bonus."""
        if self.kind == Kind.EUROS:
            return amount_cents or 0
        if self.kind == Kind.POINTS:
            return (amount_cents or 0) * self.points_per_euro // 100
        return 1

    def times(self, now: datetime) -> int:
        """By how much the bonus hours multiply a gesture made ``now``; 1 outside of them."""
        if self.bonus_times == 1:
            return 1
        local = timezone.localtime(now)
        if str(local.isoweekday()) not in self.bonus_days:
            return 1
        within = (self.bonus_from or time.min) <= local.time() <= (self.bonus_until or time.max)
        return self.bonus_times if within else 1

    def rounds(self, balance: int) -> int:
        """How many rounds ``balance`` closes."""
        return 0 if self.is_spent else balance // self.goal

    def told(self, units: int) -> int:
        """``units`` in what people count, rounded down."""
        return units // self.counts.unit

    def missing(self, balance: int) -> int:
        """What ``balance`` lacks for the main reward, in what people count, rounded up."""
        return -(-max(self.goal - balance, 0) // self.counts.unit)


class Card(models.Model):
    """A person's card. ``balance`` is the sum of its movements, kept in the same transaction.

    ``token`` opens the public page and is what the QR says; renewing it closes old links.
    """

    contact = models.OneToOneField(Contact, models.PROTECT, related_name="card")
    number = models.PositiveIntegerField(unique=True)
    token = models.CharField(max_length=22, unique=True, default=new_token)
    balance = models.PositiveIntegerField(default=0)
    rewards_ready = models.PositiveSmallIntegerField(default=0)
    last_stamp_at = models.DateTimeField(null=True)
    year_visits = models.PositiveSmallIntegerField(default=0, db_default=0)  # of twelve months
    tier = models.PositiveSmallIntegerField(default=0, db_default=0)  # from 1; 0 for none
    tier_at = models.DateTimeField(null=True)  # when it was reached
    look_on = models.DateField(null=True)  # the day on which the clock changes something here
    created_at = models.DateTimeField(default=timezone.now)
    renewed_at = models.DateTimeField(null=True)

    class Meta:
        # None on what a stamp writes: PostgreSQL then rewrites the row beside itself.
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(rewards_ready__gt=0), name="card_with_reward"),
            models.Index(
                fields=["look_on"], condition=Q(look_on__isnull=False), name="card_to_look_at"
            ),
        ]

    def __str__(self) -> str:
        return f"Card {self.number}"


class MovementKind(models.TextChoices):
    EARN = "earn", _("Tampon")
    BONUS = "bonus", _("Bonus")
    UNDO = "undo", _("Tampon annulé")
    RETURN = "return", _("Retour")
    REWARD = "reward", _("Récompense gagnée")
    REWARD_BACK = "back", _("Récompense retirée")
    EXPIRE = "expire", _("Expiration")
    IMPORT = "import", _("Reprise d’une autre carte")
    TRANSFER = "transfer", _("Reçu d’une autre carte")
    CORRECT = "correct", _("Correction")


class Movement(models.Model):
    """One line of a card's ledger. Append-only: an error is corrected by another line.

    ``stamps`` are units of the programme (``rule``). ``follows`` is the line that this one comes
    from: the bonus and the rewards of a gesture, its returns; ``cause`` says what else brought it.
    """

    append_only = True

    card = models.ForeignKey(Card, models.PROTECT, related_name="movements", db_index=False)
    kind = models.CharField(max_length=8, choices=MovementKind)
    stamps = models.IntegerField()
    token = models.UUIDField(unique=True)  # made by the phone: sent twice, written once
    undoes = models.OneToOneField("self", models.PROTECT, null=True, related_name="undone_by")
    follows = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="followed_by", db_index=False
    )
    cause = models.CharField(max_length=24, default="", db_default="")
    amount_cents = models.PositiveIntegerField(null=True)
    visit_before = models.DateTimeField(null=True)  # the person's last visit until this stamp
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    place = models.CharField(max_length=8, default="", db_default="")  # the actor's
    device = models.PositiveIntegerField(null=True)  # the actor's
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
            models.Index(
                fields=["follows"],
                condition=Q(follows__isnull=False),
                name="movement_that_follows",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.card_id}:{self.kind}:{self.stamps}"


class RewardQuerySet(models.QuerySet["Reward"]):
    def ready(self) -> Self:
        """Won, and neither redeemed nor taken back."""
        return self.filter(redemption=None, taken_back_at=None)


class Reward(models.Model):
    """A reward won: ready, then redeemed once, or taken back.

    ``won_by`` is the ledger's REWARD line, whose ``stamps`` are the price paid (negative, or none
    on the way to the round's end). ``step`` is the balance at which it was won on the way; 0 for
    one that was paid.
    """

    card = models.ForeignKey(Card, models.PROTECT, related_name="rewards", db_index=False)
    won_by = models.OneToOneField(Movement, models.PROTECT, related_name="reward")
    label = models.CharField(max_length=80)
    is_alcohol = models.BooleanField(default=False)
    step = models.PositiveIntegerField(default=0, db_default=0)
    won_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    taken_back_at = models.DateTimeField(null=True)

    objects = RewardQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["card", "-won_at"], name="reward_of_card"),
            models.Index(
                fields=["expires_at"],
                condition=Q(expires_at__isnull=False, taken_back_at=None),
                name="reward_that_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"Reward {self.pk}"

    @property
    def last_day(self) -> date | None:
        """The last day on which it may be fetched."""
        return timezone.localdate(self.expires_at) - timedelta(days=1) if self.expires_at else None


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


class Fate(models.TextChoices):
    KEEP = "keep", _("Chaque carte garde ce qu’elle a")
    CONVERT = "convert", _("Chaque carte est convertie, en proportion")
    ZERO = "zero", _("Chaque carte repart de zéro")


class ProgrammeChange(models.Model):
    """The rule was changed, and what that did to the cards; it may be taken back for a day.

    Its lines in the ledger come after ``ledger_from`` and name it as their cause.
    """

    before = models.JSONField()
    after = models.JSONField()
    fate = models.CharField(max_length=8, choices=Fate)
    cards = models.PositiveIntegerField()  # whose balance it changed
    ledger_from = models.BigIntegerField()
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-at"], name="programme_changes_by_time")]

    def __str__(self) -> str:
        return f"Change {self.pk} of the programme"

    @property
    def cause(self) -> str:
        return f"programme:{self.pk}"


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
