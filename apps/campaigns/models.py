"""The Daily Drop and the messages that leave by themselves: who, what, when. Shop's schema."""

from copy import copy
from datetime import time
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

import apps.campaigns.lot_models  # noqa: F401 (Django looks for models here alone)
from apps.audience.criteria import Criteria
from apps.audience.models import Segment
from apps.campaigns.triggers import KINDS
from apps.contacts import channels
from apps.contacts.models import Contact
from apps.core.tokens import new_token, short
from apps.messaging.channels import sending
from apps.messaging.models import Message
from apps.messaging.reasons import say


class State(models.TextChoices):
    DRAFT = "draft", _("brouillon")
    SCHEDULED = "scheduled", _("programmé")
    PREPARING = "preparing", _("en préparation")
    TESTING = "testing", _("deux textes à l’essai")
    SENDING = "sending", _("en cours d’envoi")
    PAUSED = "paused", _("en pause")
    DONE = "done", _("terminé")
    CANCELLED = "cancelled", _("annulé")


# Launched and not at its end.
LIVE = (State.SCHEDULED, State.PREPARING, State.TESTING, State.SENDING, State.PAUSED)
UNDER_WAY = (State.PREPARING, State.TESTING, State.SENDING)


class Worded:
    """What is written for each channel: SMS and e-mail have columns named after them, the others
    stand in ``further``: their words, and whether they are ``used``."""

    further: dict[str, dict[str, Any]]

    @property
    def is_service(self) -> bool:
        return getattr(KINDS.get(getattr(self, "kind", "")), "is_service", False)

    def written(self, channel: str, what: str = "text") -> str:
        """``what`` is typed for ``channel``: its text, or its subject."""
        column = f"{channel}_{what}"
        if hasattr(self, column):
            return str(getattr(self, column))
        return str(self.further.get(channel, {}).get(what, ""))

    def uses(self, channel: str) -> bool:
        used = self.further.get(channel, {}).get("used", False)
        return bool(getattr(self, f"use_{channel}", used))

    @property
    def channels(self) -> list[str]:
        """The chosen ones, in the order in which a person is tried."""
        return [channel for channel in channels.names() if self.uses(channel)]

    @property
    def wordings(self) -> list[str]:
        """All that is read by somebody."""
        found = ((c, what) for c in self.channels for what in ("subject", "text"))
        return [text for way in found if (text := self.written(*way))]

    @property
    def counted(self) -> list[str]:
        """The texts whose addresses lead by the shop's own host."""
        return [self.written(c) for c in self.channels if sending(c).counts_addresses]


class Drop(Worded, models.Model):
    """A message to many. ``segment`` says who, else ``criteria`` (see audience): ``who`` is either.
    The audience freezes at launch; the segment's criteria are then the drop's own.

    ``frozen_up_to`` is the last contact id whose messages are in the outbox: a freeze that was
    killed goes on from there. ``promised`` is what the owner agreed to when launching: people,
    SMS, e-mails and tenths of a cent. ``counts``: see ``keeping``. ``offer`` is what each one's own
    code gives, in the shop's words, on ``offer_until`` at the latest; empty: no codes. Of a hundred
    people ``hold_out`` are drawn to get nothing, so that one sees what the message changes. After
    ``relevant_until`` nothing of it leaves; empty until it freezes: as ``timing.last_day`` says.
    """

    title = models.CharField(_("nom"), max_length=80)
    criteria = models.JSONField(default=dict)
    segment = models.ForeignKey(Segment, models.PROTECT, null=True, blank=True, related_name="+")
    use_sms = models.BooleanField(_("par SMS"), default=True)
    use_email = models.BooleanField(_("par e-mail"), default=True)
    both = models.BooleanField(_("les deux canaux à chacun"), default=False)
    sms_text = models.TextField(_("texte du SMS"), max_length=600, blank=True)
    email_subject = models.CharField(_("objet de l’e-mail"), max_length=120, blank=True)
    email_text = models.TextField(_("texte de l’e-mail"), max_length=5000, blank=True)
    further = models.JSONField(default=dict, db_default={}, blank=True)  # see ``Worded``
    fallback = models.CharField(
        _("à défaut de prénom"), max_length=40, default="cher client", blank=True
    )
    hold_out = models.PositiveSmallIntegerField(_("gardés sans message"), default=0, db_default=0)
    offer = models.CharField(_("ce que donne le code"), max_length=80, blank=True, db_default="")
    offer_until = models.DateField(_("valable jusqu’au"), null=True, blank=True)
    relevant_until = models.DateField(_("encore utile jusqu’au"), null=True, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    send_at = models.DateTimeField(null=True, blank=True)
    launched_at = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField(null=True)  # when the last message stood in the outbox
    done_at = models.DateTimeField(null=True)
    left_out = models.JSONField(default=dict)  # reason code → count, frozen at launch
    audience_size = models.PositiveIntegerField(default=0)  # people, counted while freezing
    frozen_up_to = models.BigIntegerField(default=0)
    promised = models.JSONField(default=dict, blank=True)
    pause_reason = models.CharField(max_length=40, blank=True)
    counts = models.JSONField(null=True)  # rows of ``queries.tally``, once nothing moves any more
    launch_token = models.UUIDField(null=True, unique=True)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(send_at__isnull=False),
                name="a_scheduled_drop_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(hold_out__lte=20), name="most_people_are_written_to"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-created_at", "-id"], name="drop_by_time")]

    def __str__(self) -> str:
        return self.title

    @property
    def who(self) -> Criteria:
        return Criteria.read(self.segment.criteria if self.segment else self.criteria)

    @property
    def cause(self) -> str:
        return f"drop:{self.pk}"

    @property
    def door(self) -> str:
        """Where its links lead by, so that who follows them is counted."""
        return f"l/{short(self.pk or 0)}"

    @property
    def is_draft(self) -> bool:
        return self.state == State.DRAFT

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def moves(self) -> bool:
        """Whether its figures may still change by themselves."""
        return self.state in LIVE

    @property
    def texts(self) -> dict[str, Self]:
        """The drop as it reads with each of its texts: A, and B if it has a ``Rival``."""
        rival: Rival | None = getattr(self, "rival", None)
        if rival is None:
            return {Pick.A: self}
        other = copy(self)
        for name in Rival.TEXTS:
            setattr(other, name, getattr(rival, name))
        return {Pick.A: self, Pick.B: other}


class Pick(models.TextChoices):
    A = "a", _("le texte A")
    B = "b", _("le texte B")
    HALF = "half", _("l’un ou l’autre, moitié-moitié")


class PickedBy(models.TextChoices):
    FIGURES = "figures", _("les chiffres")
    CHANCE = "chance", _("faute d’écart sûr")
    HAND = "hand", _("vous")


class Rival(models.Model):
    """The second text of a drop, B, tried against its own, A; see ``rivals``.

    Of a hundred people ``share`` read each, drawn by lot. The others wait for the ``pick``, which
    is made once: by hand, or ``hours`` after the last of the trial has left (``pick_at``). Where
    the figures then leave it open it is ``otherwise``. ``seen``: what it was made on, by text,
    how many people of how many. A ``share`` of 50 leaves nobody to wait.
    """

    TEXTS = ("sms_text", "email_subject", "email_text")

    drop = models.OneToOneField(Drop, models.CASCADE, related_name="rival")
    sms_text = models.TextField(_("texte B du SMS"), max_length=600, blank=True)
    email_subject = models.CharField(_("objet B de l’e-mail"), max_length=120, blank=True)
    email_text = models.TextField(_("texte B de l’e-mail"), max_length=5000, blank=True)
    share = models.PositiveSmallIntegerField(_("part de chaque texte"), default=10)
    hours = models.PositiveSmallIntegerField(_("heures avant le choix"), default=4)
    otherwise = models.CharField(
        _("si l’écart n’est pas sûr"), max_length=4, choices=Pick, default=Pick.A
    )
    pick_at = models.DateTimeField(null=True)
    pick = models.CharField(max_length=4, choices=Pick, blank=True)
    picked_by = models.CharField(max_length=7, choices=PickedBy, blank=True)
    picked_at = models.DateTimeField(null=True)
    seen = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(share__gte=1, share__lte=50), name="two_texts_share_everybody_at_most"
            ),
            models.CheckConstraint(
                condition=Q(pick="", picked_by="", picked_at=None)
                | (~Q(pick="") & ~Q(picked_by="") & Q(picked_at__isnull=False)),
                name="a_pick_says_when_and_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"Rival of {self.drop_id}"

    @property
    def waits(self) -> bool:
        """Whether others than those of the trial wait for the pick."""
        return self.share < 50 and not self.pick


def _of_one_cause(name: str, one: str = "drop", other: str = "run") -> models.CheckConstraint:
    """A row belongs to ``one`` or to ``other``, and not to both."""
    both = Q(**{f"{one}__isnull": False, f"{other}__isnull": True})
    return models.CheckConstraint(
        condition=both | Q(**{f"{one}__isnull": True, f"{other}__isnull": False}), name=name
    )


class Send(models.Model):
    """What one person of a drop, or of a ``Run``, has for themselves alone. Written when the
    message is, never changed.

    Only what needs it has any: see ``personal``. ``code`` is kept without its hyphens; who is
    ``held_out`` has nothing, and gets no message.
    """

    drop = models.ForeignKey(Drop, models.PROTECT, null=True, related_name="sends", db_index=False)
    run = models.ForeignKey("Run", models.PROTECT, null=True, related_name="sends", db_index=False)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+", db_index=False)
    code = models.CharField(max_length=9, null=True)  # noqa: DJ001 (many have none, none twice)
    held_out = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["drop", "contact"], name="one_send_per_contact"),
            models.UniqueConstraint(
                fields=["run"], condition=Q(run__isnull=False), name="one_send_per_run"
            ),
            models.UniqueConstraint(fields=["code"], name="a_code_is_one_persons"),
            models.CheckConstraint(
                condition=Q(held_out=False) | Q(code=None), name="who_is_held_out_has_no_code"
            ),
            _of_one_cause("a_send_is_of_a_drop_or_of_a_run"),
        ]

    def __str__(self) -> str:
        return f"Send {self.pk}"

    @property
    def source(self) -> "Drop | Run":
        """What says what the code gives, and until when."""
        found = self.drop or self.run
        assert found is not None
        return found


class Use(models.Model):
    """A code given at the counter. One stands at a time; one taken back stays as a trace.

    ``token`` is the phone's name for the gesture: sent twice, done once.
    """

    send = models.ForeignKey(Send, models.PROTECT, related_name="uses", db_index=False)
    token = models.UUIDField(unique=True)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["send"], condition=Q(undone_at=None), name="a_code_is_used_once"
            )
        ]

    def __str__(self) -> str:
        return f"Use of {self.send_id}"


class Link(models.TextChoices):
    CARD = "card", _("sa carte")
    VOUCHER = "voucher", _("son bon")
    LOT = "lot", _("la page pour réserver")


class Address(models.Model):
    """An address of the web that the shop typed in a text; its ``key`` follows from it
    (``addresses``)."""

    key = models.CharField(max_length=6, primary_key=True)
    url = models.TextField()

    def __str__(self) -> str:
        return self.key


class Click(models.Model):
    """A link of a drop or of a ``Run`` that somebody followed, the first time; see ``links``.

    ``link`` is a ``Link``, or the key of an ``Address``.
    """

    drop = models.ForeignKey(Drop, models.PROTECT, null=True, related_name="clicks", db_index=False)
    run = models.ForeignKey("Run", models.PROTECT, null=True, related_name="clicks", db_index=False)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+", db_index=False)
    link = models.CharField(max_length=7)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["drop", "contact", "link"], name="a_click_counts_once_a_person"
            ),
            models.UniqueConstraint(
                fields=["run", "link"],
                condition=Q(run__isnull=False),
                name="a_click_counts_once_a_run",
            ),
            _of_one_cause("a_click_is_of_a_drop_or_of_a_run"),
        ]

    def __str__(self) -> str:
        return f"Click {self.pk}"


class Trial(models.Model):
    """A test message to a phone of the team. Its number and text are emptied once it has left.

    It is no message to a customer: it stands outside the outbox, and no record of a person
    learns of it.
    """

    drop = models.ForeignKey(Drop, models.CASCADE, null=True, related_name="trials")
    trigger = models.ForeignKey("Trigger", models.CASCADE, null=True, related_name="trials")
    token = models.CharField(max_length=22, unique=True, default=new_token)
    channel = models.CharField(max_length=12, choices=channels.choices, db_default="sms")
    to = models.CharField(max_length=16, blank=True)
    body = models.TextField(blank=True)
    claimed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=40, blank=True)  # "sent", or why not
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            _of_one_cause("a_trial_is_of_a_drop_or_of_a_trigger", "drop", "trigger")
        ]

    def __str__(self) -> str:
        return f"Trial {self.pk}"


class TriggerQuerySet(models.QuerySet["Trigger"]):
    def on(self) -> Self:
        return self.filter(on_since__isnull=False)


class Trigger(Worded, models.Model):
    """A message that leaves by itself: ``kind`` says when (``triggers``), the words are as a
    drop's. What came to pass before ``on_since`` is let be. ``next_at`` is the next look of one
    that goes by the clock. With a ``segment``, only who is in it as one looks. ``offer`` is what
    each one's own code gives, for ``offer_days`` after the message; without a number for ever.
    """

    kind = models.CharField(max_length=20)
    title = models.CharField(_("nom"), max_length=80)
    settings = models.JSONField(default=dict, blank=True)
    segment = models.ForeignKey(
        Segment,
        models.PROTECT,
        verbose_name=_("Seulement pour"),
        null=True,
        blank=True,
        related_name="+",
    )
    use_sms = models.BooleanField(_("par SMS"), default=True)
    use_email = models.BooleanField(_("par e-mail"), default=True)
    sms_text = models.TextField(_("texte du SMS"), max_length=600, blank=True)
    email_subject = models.CharField(_("objet de l’e-mail"), max_length=120, blank=True)
    email_text = models.TextField(_("texte de l’e-mail"), max_length=5000, blank=True)
    further = models.JSONField(default=dict, db_default={}, blank=True)  # see ``Worded``
    fallback = models.CharField(
        _("à défaut de prénom"), max_length=40, default="cher client", blank=True
    )
    offer = models.CharField(_("ce que donne le code"), max_length=80, blank=True, db_default="")
    offer_days = models.PositiveSmallIntegerField(_("valable (jours)"), null=True, blank=True)
    hour = models.TimeField(_("heure"), default=time(10))
    on_since = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(auto_now=True)

    objects = TriggerQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(on_since__isnull=False) | Q(next_at=None),
                name="what_is_off_looks_at_no_clock",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def door(self) -> str:
        """Where its links lead by; which of its runs was meant, the person's last says."""
        return f"m/{short(self.pk or 0)}"

    @property
    def is_on(self) -> bool:
        return self.on_since is not None


class RunState(models.TextChoices):
    WAITING = "waiting", _("en attente")
    SENT = "sent", _("parti")
    DROPPED = "dropped", _("non envoyé")


class Run(models.Model):
    """One person met a trigger on one occasion: written once, whoever looks how often.

    ``at`` is the next look at one that waits (its hour, the cap, its own delay), ``reason`` why
    it waits or was dropped; past ``expires_at`` it means nothing any more. ``offer`` and
    ``offer_until`` are what was promised with the code that it left with.
    """

    trigger = models.ForeignKey(Trigger, models.PROTECT, related_name="runs", db_index=False)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+", db_index=False)
    occasion = models.CharField(max_length=40)  # "2026", "visit:10", "reward:123"
    caused_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=RunState, default=RunState.WAITING)
    at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=40, blank=True)
    offer = models.CharField(max_length=80, blank=True, db_default="")
    offer_until = models.DateField(null=True)
    message = models.OneToOneField(Message, models.PROTECT, null=True, related_name="+")
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["trigger", "contact", "occasion"], name="one_run_per_occasion"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", at__isnull=False, message=None)
                | Q(state="sent", at=None, message__isnull=False)
                | Q(state="dropped", at=None, message=None),
                name="a_run_waits_left_or_was_dropped",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["at"], condition=Q(at__isnull=False), name="run_due"),
            models.Index(fields=["trigger", "-caused_at", "-id"], name="run_of_trigger"),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    @property
    def cause(self) -> str:
        """As its message names it."""
        return f"trigger:{self.trigger_id}:{self.pk}"

    @property
    def title(self) -> str:
        return self.trigger.title

    @property
    def why(self) -> str:
        """Why it waits, did not leave or did not arrive, in French."""
        return self.message.why if self.message else say(self.reason)
