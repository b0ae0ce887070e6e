"""The outbox: what is to be sent, each try at it, and what the network said. Shop's schema."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.contacts.models import Contact
from apps.core.tokens import new_token
from apps.messaging.reasons import say


class Status(models.TextChoices):
    """How far a message, or one try at it, has come; see ``story.forward``."""

    QUEUED = "queued", _("en attente")
    SENDING = "sending", _("en cours d’envoi")
    CANCELLED = "cancelled", _("non envoyé")
    UNKNOWN = "unknown", _("incertain")
    SENT = "sent", _("envoyé")
    FAILED = "failed", _("échoué")
    DELIVERED = "delivered", _("reçu")


class Kind(models.TextChoices):
    COMMERCIAL = "commercial", _("commercial")
    SERVICE = "service", _("de service")


class MessageQuerySet(models.QuerySet["Message"]):
    def due(self, now: datetime | None = None) -> Self:
        """What a worker may try now, oldest first."""
        due = self.filter(available_at__lte=now or timezone.now())
        return due.order_by("available_at", "pk")


class Message(models.Model):
    """One text to one person by one channel for one cause, whatever happens, once.

    ``available_at`` is the earliest moment of the next try, and empty when none is due. It
    alone says that something is to be done; ``status`` says how far the story has come and
    only moves forward, whatever order the news arrives in. So a try that failed before
    anything left (« trop de demandes ») leaves the message ``sending`` with a new
    ``available_at``; a try that was accepted and failed later (téléphone éteint, by
    callback) leaves it ``sent`` with one. Nothing leaves after ``expires_at``: what it says is
    over (empty: it never is). The next try is a new ``Attempt``: what it brings
    moves the message further, to ``delivered``, or to ``failed`` once no try is left. News
    of an older attempt still counts: a late « reçu » is the truth, ends the story and
    cancels a try that has not begun.
    """

    names_files = ("file",)

    contact = models.ForeignKey(Contact, models.PROTECT, related_name="messages", db_index=False)
    channel = models.CharField(max_length=12, choices=channels.choices)
    kind = models.CharField(max_length=10, choices=Kind)
    cause = models.CharField(max_length=60)  # "drop:12", "card:34", "test:…"
    to = models.CharField(max_length=254)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField()
    html = models.TextField(blank=True)
    # A mail's attachment: its name in the storage, where its author keeps it, and in the mail.
    file = models.CharField(max_length=160, blank=True, default="", db_default="")
    file_name = models.CharField(max_length=60, blank=True, default="", db_default="")
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)
    available_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    segments = models.PositiveSmallIntegerField(default=0)
    cost_tenths = models.PositiveIntegerField(default=0)  # tenths of a cent
    reason = models.CharField(max_length=40, blank=True)  # why failed, cancelled or late, a code
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["cause", "contact", "channel"], name="one_message_per_cause_and_channel"
            ),
            # Equalities and no IN: the catalogue prints a list of varchars another way each time.
            models.CheckConstraint(
                condition=Q(status="queued", available_at__isnull=False)
                | Q(status="sending")
                | Q(status="unknown")
                | Q(status="sent")
                | Q(
                    Q(status="cancelled") | Q(status="failed") | Q(status="delivered"),
                    available_at=None,
                ),
                name="a_message_waits_for_a_try_or_is_done",
            ),
        ]
        indexes: ClassVar = [
            # One range of it, in order, is what a worker takes next, however much waits behind.
            models.Index(
                fields=["kind", "available_at", "id"],
                condition=Q(available_at__isnull=False),
                name="message_due",
            ),
            models.Index(fields=["-created_at", "-id"], name="message_by_time"),
            models.Index(fields=["contact", "-created_at"], name="message_of_contact"),
        ]

    def __str__(self) -> str:
        return f"Message {self.pk}"

    @property
    def next_try(self) -> datetime | None:
        """When something is to be done, for a message that is still waiting tomorrow too."""
        waits = self.available_at and self.available_at > timezone.now()
        return self.available_at if waits else None

    @property
    def stage(self) -> str:
        """The status as people say it: what waits for its next try is in the queue."""
        waits = self.status in {Status.SENDING, Status.UNKNOWN} and self.available_at
        return str((Status.QUEUED if waits else Status(self.status)).label)

    @property
    def tone(self) -> str:
        """The chip's colour, a class of ``base.css``."""
        if self.status == Status.UNKNOWN and self.available_at:
            return "plain"
        return {"delivered": "good", "sent": "", "failed": "bad", "unknown": "warn"}.get(
            self.status, "plain"
        )

    @property
    def why(self) -> str:
        """Why it did not arrive or still waits, in French; else empty."""
        return say(self.reason)


class Attempt(models.Model):
    """One try at a message, committed before anything leaves. ``token`` names it to providers.

    A crash leaves it ``sending``. At ``ask_at`` whoever sent it must be dead: it becomes
    ``unknown``, and the provider is asked what became of it, ``asks`` times so far. It is never
    sent again blindly (see ``reconciling``).
    """

    message = models.ForeignKey(Message, models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    token = models.CharField(max_length=22, unique=True, default=new_token)
    provider = models.CharField(max_length=12)
    account = models.CharField(max_length=34, blank=True, default="", db_default="")  # a shop's own
    reference = models.CharField(max_length=120, blank=True)  # the provider's name for it
    status = models.CharField(max_length=9, choices=Status, default=Status.SENDING)
    code = models.CharField(max_length=40, blank=True)
    cost_tenths = models.PositiveIntegerField(default=0, db_default=0)  # if it leaves
    at = models.DateTimeField(default=timezone.now)
    ask_at = models.DateTimeField(null=True)
    asks = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "number"], name="one_attempt_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["reference"], condition=~Q(reference=""), name="attempt_by_reference"
            ),
            models.Index(
                fields=["ask_at"], condition=Q(ask_at__isnull=False), name="attempt_in_doubt"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id}#{self.number}"


class Browser(models.Model):
    """One in which a person asked for notifications: where they are left, and how sealed.

    It is one person's at a time: whoever asked in it last. ``Contact.push`` is kept in step
    (``browsers``).
    """

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="browsers")
    endpoint = models.CharField(max_length=1000, unique=True)
    p256dh = models.CharField(max_length=90)
    auth = models.CharField(max_length=24)
    since = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Browser {self.pk}"


class Wake(models.Model):
    """A drain stands in the queue for this moment: whoever else wants it needs no other.

    ``asked_at``: a job that was lost since then is not waited for long.
    """

    at = models.DateTimeField(primary_key=True)
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.at.isoformat()


class Callback(models.Model):
    """What a provider posted, stored once before it is understood."""

    provider = models.CharField(max_length=12)
    key = models.CharField(max_length=64)  # hash of what makes the event one
    payload = models.JSONField()
    received_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "key"], name="one_callback_per_event")
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(applied_at=None), name="callback_unread")
        ]

    def __str__(self) -> str:
        return f"{self.provider}:{self.key[:8]}"


class Meaning(models.TextChoices):
    """What an answer does besides being read."""

    WORDS = "", _("à lire")
    STOP = "stop", _("ne veut plus rien recevoir")
    START = "start", _("veut de nouveau recevoir")


class ReplyQuerySet(models.QuerySet["Reply"]):
    def of(self, contact: Contact) -> Self:
        """A person's, also under the records that were merged into hers."""
        return self.filter(contact__in=Contact.objects.records_of(contact.pk))

    def from_same(self, reply: "Reply") -> Self:
        """All that nobody's address wrote, as ``reply`` did."""
        return self.filter(contact=None, channel=reply.channel, sender=reply.sender)


class Reply(models.Model):
    """What a person wrote to the shop. ``contact`` is empty while nobody here has that address.

    ``at`` is when it reached us: providers may post late, twice and in any order, and of two
    words that contradict each other the one that came last counts (see ``replies``).
    """

    contact = models.ForeignKey(
        Contact, models.PROTECT, null=True, related_name="replies", db_index=False
    )
    channel = models.CharField(max_length=12)
    sender = models.CharField(max_length=254)  # E.164, or an e-mail in lower case
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    meaning = models.CharField(max_length=5, choices=Meaning, blank=True)
    key = models.CharField(max_length=64, unique=True)  # the callback's
    at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)

    objects = ReplyQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["contact", "-at"], name="reply_of_contact"),
            models.Index(fields=["sender", "channel", "-at"], name="reply_of_sender"),
            models.Index(fields=["-at"], name="reply_by_time"),
            models.Index(fields=["id"], condition=Q(read_at=None), name="reply_unread"),
        ]

    def __str__(self) -> str:
        return f"Reply {self.pk}"

    @property
    def channel_name(self) -> str:
        return str(channels.named(self.channel))


class Category(models.TextChoices):
    """What Meta charges and judges by."""

    MARKETING = "marketing", _("publicité")
    UTILITY = "utility", _("service")


class Review(models.TextChoices):
    """What WhatsApp says of a template."""

    WAITING = "waiting", _("en route")
    PENDING = "pending", _("en cours d’examen")
    APPROVED = "approved", _("approuvé")
    REJECTED = "rejected", _("refusé")
    PAUSED = "paused", _("suspendu")


class Template(models.Model):
    """A text that WhatsApp is asked to approve (``templates``). Never changed: another is made."""

    title = models.CharField(_("nom"), max_length=60)
    category = models.CharField(max_length=9, choices=Category)
    text = models.TextField(_("texte"), max_length=700)
    reference = models.CharField(max_length=34, blank=True)  # the provider's name for it
    # The shop's own account that knows it; empty: the platform's.
    account = models.CharField(max_length=34, blank=True, default="", db_default="")
    review = models.CharField(max_length=8, choices=Review, default=Review.WAITING)
    reason = models.CharField(max_length=200, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    looked_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.title

    @property
    def tone(self) -> str:
        """The chip's colour."""
        return {"approved": "good", "rejected": "bad", "paused": "bad"}.get(self.review, "warn")

    def with_words(self, words: str) -> str:
        """Its text with what is said on the day."""
        return self.text.replace("{texte}", words)


PAUSED = "paused_"  # + channel: that channel rests; ``cause`` then holds the reason's code


class Alert(models.Model):
    """Something about sending that the team must know until it is dealt with."""

    code = models.CharField(max_length=40)
    contact = models.ForeignKey(Contact, models.CASCADE, null=True, related_name="+")
    cause = models.CharField(max_length=60, blank=True)
    at = models.DateTimeField(default=timezone.now)
    dismissed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["code", "contact", "cause"],
                condition=Q(dismissed_at=None),
                nulls_distinct=False,
                name="one_open_alert",
            )
        ]

    def __str__(self) -> str:
        return self.code


class Month(models.Model):
    """What a month's messages have cost, and what those on their way will: see ``budget``.

    In tenths of a cent. ``told``: the share of the budget, per cent, that the owners know of.
    """

    month = models.DateField(primary_key=True)  # its first day, by the shop's clock
    budget_tenths = models.PositiveBigIntegerField(null=True)
    taken_tenths = models.PositiveBigIntegerField(default=0)
    mails = models.PositiveIntegerField(default=0)  # of the plan
    told = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class Spending(models.Model):
    """What left on one day by one channel for one kind of cause, and what it cost.

    ``tried`` counts the bad addresses too that were refused at the door; ``bounced`` all of them.
    """

    day = models.DateField()
    channel = models.CharField(max_length=12)
    origin = models.CharField(max_length=12)  # see ``budget.origin_of``
    tried = models.PositiveIntegerField(default=0)
    messages = models.PositiveIntegerField(default=0)
    segments = models.PositiveIntegerField(default=0)
    cost_tenths = models.PositiveBigIntegerField(default=0)
    bounced = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "channel", "origin"], name="one_spending_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.channel} {self.origin}"


class Flow(models.Model):
    """How the commercial messages of a channel flow; a row once something was to be said of it.

    Until ``closed_until`` none leaves, for the reason ``closed_for`` (``limits``); since
    ``slow_since`` they leave in rounds, ``round_left`` more until ``round_ends`` (``quality``).
    """

    channel = models.CharField(max_length=12, primary_key=True)
    closed_for = models.CharField(max_length=6, blank=True)
    closed_until = models.DateTimeField(null=True)
    slow_since = models.DateTimeField(null=True)
    round_ends = models.DateTimeField(null=True)
    round_left = models.PositiveIntegerField(default=0)
    messages = models.PositiveIntegerField(default=0)
    stopped = models.PositiveIntegerField(default=0)
    tried = models.PositiveIntegerField(default=0)
    bounced = models.PositiveIntegerField(default=0)
    judged_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.channel

    def rests(self, now: datetime) -> bool:
        """Whether no commercial message leaves at this moment."""
        if self.closed_until and self.closed_until > now:
            return True
        return bool(
            self.slow_since and self.round_ends and self.round_ends > now and not self.round_left
        )
