"""A drop's life: written, launched once, paused, gone on with, called off."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audience.criteria import Criteria
from apps.audience.models import Segment
from apps.audit.services import record
from apps.campaigns import lots, picking
from apps.campaigns.affording import LIMITS, affordable, not_closed
from apps.campaigns.drafts import AlreadyLaunched, draft
from apps.campaigns.estimate import Estimate
from apps.campaigns.freezing import CLOSE, FREEZE
from apps.campaigns.models import UNDER_WAY, Drop, Rival, State, Trigger
from apps.campaigns.splitting import rival_of
from apps.campaigns.timing import departure, last_moment
from apps.campaigns.writing import uses
from apps.contacts.channels import named
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.core.templatetags.french import jour
from apps.messaging import services as outbox
from apps.messaging.holding import NEVER, hold, release
from apps.messaging.models import PAUSED, Alert, Kind, Message, Status
from apps.messaging.text import lighten
from apps.shops.services import shop_here

BY_HAND = "owner"  # ``pause_reason`` when the team paused; else the provider's code
FURTHEST = timedelta(days=90)
_BLANK = re.compile(r"\[\w[^\[\]\n]*\]")  # « [prix] »: what a starter leaves to be filled in
WRITTEN = (
    "title",
    "use_sms",
    "use_email",
    "both",
    "sms_text",
    "email_subject",
    "email_text",
    "further",
    "fallback",
    "offer",
    "offer_until",
    "hold_out",
    "send_at",
    "relevant_until",
)
RIVAL_WRITTEN = (*Rival.TEXTS, "share", "hours", "otherwise")
# What belongs to a day, and not to the words that may serve again.
DATED = {"title", "offer_until", "send_at", "relevant_until"}


class NothingToSend(Refusal):
    message = _("Il manque le texte : %(what)s.")
    status = 422


class BlankLeft(Refusal):
    message = _("Il reste à remplir : %(what)s.")
    status = 422


class CodeWithoutOffer(Refusal):
    message = _("Le texte porte un code : dites ce qu’il donne.")
    status = 422


class OfferWithoutCode(Refusal):
    message = _(
        "Ce que donne le code est dit, mais le texte à envoyer %(by)s ne le porte pas : {code}."
    )
    status = 422


class OfferOver(Refusal):
    message = _("Le code ne vaudrait plus le jour de l’envoi. Choisissez une date plus tardive.")
    status = 422


class NobodyToReach(Refusal):
    message = _("Personne ne recevrait ce message. Élargissez le choix des clients.")
    status = 422


class TimePassed(Refusal):
    message = _("Cette heure est passée. Choisissez-en une à venir.")
    status = 422


class TooFar(Refusal):
    message = _("Un message se programme au plus 90 jours à l’avance.")
    status = 422


class OverBeforeItLeaves(Refusal):
    message = _(
        "Ce message ne serait plus utile le jour où il peut partir : choisissez une date de fin "
        "plus tardive."
    )
    status = 422


class RelevantTooLong(Refusal):
    message = _("Un message reste utile 90 jours au plus après son départ.")
    status = 422


class NotPossibleNow(Refusal):
    message = _("Ce message est « %(state)s » : ce n’est plus possible.")


def create(
    by: Actor,
    criteria: Criteria | None = None,
    written: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    segment: Segment | None = None,
) -> Drop:
    """A draft, named after its day; ``segment`` says who, else ``criteria``."""
    now = now or timezone.now()
    return Drop.objects.create(
        **{"title": f"Drop du {jour(now)}", **(written or {})},
        criteria=(criteria or Criteria()).as_dict(),
        segment=segment,
        created_by=by.id,
        created_at=now,
    )


@transaction.atomic
def save(drop_id: int, written: Mapping[str, Any], segment: Segment | None) -> Drop:
    """Keep what was typed (``WRITTEN``); without ``segment`` its own criteria say who.

    Raises ``AlreadyLaunched``.
    """
    drop = draft(drop_id)
    for name in WRITTEN:
        if name in written:
            setattr(drop, name, written[name])
    drop.segment = segment
    drop.save()
    return drop


@transaction.atomic
def save_rival(drop_id: int, written: Mapping[str, Any] | None) -> None:
    """The second text as it was typed (``RIVAL_WRITTEN``), or none. Raises ``AlreadyLaunched``."""
    drop = draft(drop_id)
    if written is None:
        Rival.objects.filter(drop=drop).delete()
        return
    typed = {name: written[name] for name in RIVAL_WRITTEN}
    Rival.objects.update_or_create(drop=drop, defaults=typed)


@transaction.atomic
def choose(drop_id: int, criteria: Criteria) -> Drop:
    """For these people, whatever segment stood there. Raises ``AlreadyLaunched``."""
    drop = draft(drop_id)
    drop.criteria, drop.segment = criteria.as_dict(), None
    drop.save(update_fields=["criteria", "segment", "saved_at"])
    return drop


@transaction.atomic
def lighten_sms(drop_id: int) -> Drop:
    """The SMS in GSM-7, where that makes it cheaper. Raises ``AlreadyLaunched``."""
    drop = draft(drop_id)
    drop.sms_text = lighten(drop.sms_text)
    drop.save(update_fields=["sms_text", "saved_at"])
    return drop


@transaction.atomic
def duplicate(drop: Drop, by: Actor, now: datetime | None = None) -> Drop:
    """A new draft with the same words for the same people, about the same product."""
    now = now or timezone.now()
    kept = {name: getattr(drop, name) for name in WRITTEN if name not in DATED}
    copy = create(by, Criteria.read(drop.criteria), kept, now, drop.segment)
    if rival := rival_of(drop):
        save_rival(copy.pk, {name: getattr(rival, name) for name in RIVAL_WRITTEN})
    if lot := lots.lot_of(drop):
        lots.copy(lot, copy, now)
    return copy


@transaction.atomic
def discard(drop_id: int) -> None:
    """A draft is thrown away. Raises ``AlreadyLaunched``."""
    lots.remove(drop_id)
    draft(drop_id).delete()


def ready(drop: Drop, now: datetime) -> None:
    """Raises what keeps ``drop`` from being launched, nobody's presence aside."""
    shop = shop_here()
    for text in drop.texts.values():
        ready_to_read(text)
        lots.stands(text, shop, now)
    picking.ready(drop)
    if drop.offer_until and drop.offer_until < timezone.localdate(drop.send_at or now):
        raise OfferOver()
    if drop.send_at and drop.send_at <= now:
        raise TimePassed()
    if drop.send_at and drop.send_at > now + FURTHEST:
        raise TooFar()
    leaves, ends = departure(shop, drop.send_at, now).at, last_moment(drop, shop, now)
    if ends < leaves:
        raise OverBeforeItLeaves()
    if ends > leaves + FURTHEST + timedelta(days=1):
        raise RelevantTooLong()


def ready_to_read(words: Drop | Trigger) -> None:
    """Raises ``NothingToSend``, ``BlankLeft``, ``CodeWithoutOffer`` or ``OfferWithoutCode`` for
    words that nobody should read."""
    missing = [
        what
        for what, needed in (
            ("un canal", not words.channels),
            ("l’objet de l’e-mail", words.use_email and not words.email_subject.strip()),
        )
        if needed
    ]
    missing += [
        f"celui à envoyer {named(c).by}" for c in words.channels if not words.written(c).strip()
    ]
    if missing:
        raise NothingToSend(what=", ".join(missing))
    if blanks := _BLANK.findall(" ".join(words.wordings)):
        raise BlankLeft(what=", ".join(dict.fromkeys(blanks)))
    _offer_told(words)


def _offer_told(words: Drop | Trigger) -> None:
    """What a code gives is said, and the code is in each text."""
    with_code = [c for c in words.channels if _bears_code(words, c)]
    if not words.offer:
        if with_code:
            raise CodeWithoutOffer()
        return
    if without := [c for c in words.channels if c not in with_code]:
        raise OfferWithoutCode(by=" ni ".join(str(named(c).by) for c in without))


def _bears_code(words: Drop | Trigger, channel: str) -> bool:
    texts = words.written(channel, "subject"), words.written(channel)
    return any(uses(text, name) for text in texts for name in ("code", "bon"))


@transaction.atomic
def launch(
    drop_id: int, token: UUID, by: Actor, told: Estimate, now: datetime | None = None
) -> Drop:
    """Let it go: now, or at its ``send_at``. The same ``token`` again changes nothing.

    ``told`` is what the person who launches read. Raises ``AlreadyLaunched`` and what
    ``ready`` and ``affordable`` raise. The audience freezes off the request, when it leaves.
    """
    now = now or timezone.now()
    drop = Drop.objects.select_for_update().get(pk=drop_id)
    if drop.launch_token == token:
        return drop
    if not drop.is_draft:
        raise AlreadyLaunched()
    ready(drop, now)
    if not told.people:
        raise NobodyToReach()
    affordable(told, shop_here(), drop.send_at or now)
    drop.state = State.SCHEDULED if drop.send_at else State.PREPARING
    drop.launch_token, drop.promised = token, told.promise()
    drop.save()
    enqueue(FREEZE, drop.pk, str(token), at=drop.send_at)
    record(by, "drop.launch", "drop", drop.pk, after={**drop.promised, "state": drop.state})
    return drop


def _standing(drop_id: int, *states: State) -> Drop:
    drop = Drop.objects.select_for_update().get(pk=drop_id)
    if drop.state not in states:
        raise NotPossibleNow(state=State(drop.state).label)
    return drop


@transaction.atomic
def unschedule(drop_id: int, by: Actor) -> Drop:
    """A scheduled drop is a draft again; its job finds another launch and does nothing."""
    drop = _standing(drop_id, State.SCHEDULED)
    drop.state, drop.launch_token, drop.promised = State.DRAFT, None, {}
    drop.save()
    record(by, "drop.unschedule", "drop", drop.pk)
    return drop


@transaction.atomic
def pause(drop_id: int, by: Actor) -> Drop:
    """What waits stays; what a worker holds at this moment still leaves."""
    drop = _standing(drop_id, *UNDER_WAY)
    drop.state, drop.pause_reason = State.PAUSED, BY_HAND
    drop.save(update_fields=["state", "pause_reason", "saved_at"])
    hold(drop.cause)
    record(by, "drop.pause", "drop", drop.pk)
    return drop


@transaction.atomic
def resume(drop_id: int, by: Actor, now: datetime | None = None) -> Drop:
    """Go on: the freeze where it stood, the messages where they were."""
    drop = _standing(drop_id, State.PAUSED)
    if drop.pause_reason in LIMITS:
        not_closed(drop.channels, now or timezone.now())
    elif drop.pause_reason != BY_HAND:
        for pause_id in Alert.objects.filter(
            code__startswith=PAUSED, dismissed_at=None
        ).values_list("pk", flat=True):
            outbox.dismiss(pause_id, now)
    _go_on(drop, now)
    record(by, "drop.resume", "drop", drop.pk)
    return drop


def _go_on(drop: Drop, now: datetime | None) -> None:
    drop.state = State.SENDING if drop.frozen_at else State.PREPARING
    drop.pause_reason = ""
    drop.save(update_fields=["state", "pause_reason", "saved_at"])
    release(drop.cause, now)
    if drop.frozen_at:
        enqueue(CLOSE, drop.pk)
    else:
        enqueue(FREEZE, drop.pk, str(drop.launch_token))


@transaction.atomic
def cancel(drop_id: int, by: Actor, now: datetime | None = None) -> Drop:
    """What has not left will not leave, and those people are free for another message."""
    now = now or timezone.now()
    drop = _standing(drop_id, *UNDER_WAY, State.PAUSED)
    outbox.cancel(drop.cause, now)
    drop.state, drop.done_at, drop.pause_reason = State.CANCELLED, now, ""
    drop.save(update_fields=["state", "done_at", "pause_reason", "saved_at"])
    spared = Message.objects.filter(
        cause=drop.cause, status=Status.CANCELLED, reason="called_off"
    ).values("contact_id")
    held = drop.sends.filter(held_out=True).values("contact_id")
    freed = Contact.objects.filter(Q(pk__in=spared) | Q(pk__in=held))
    mine = Message.objects.filter(contact=OuterRef("pk"), kind=Kind.COMMERCIAL)
    tried = mine.filter(attempts__at__isnull=False).order_by("-attempts__at")
    promised = mine.filter(available_at__lt=NEVER).order_by("-available_at")
    last = Greatest(
        Subquery(tried.values("attempts__at")[:1]), Subquery(promised.values("available_at")[:1])
    )
    freed.update(last_commercial_at=last)
    record(by, "drop.cancel", "drop", drop.pk)
    return drop


@transaction.atomic
def provider_paused(cause: str, code: str) -> None:
    """The operator takes nothing more: the drop says so until someone goes on with it."""
    kind, _colon, number = cause.partition(":")
    if kind != "drop":
        return
    going = Drop.objects.filter(pk=int(number), state__in=UNDER_WAY)
    going.update(state=State.PAUSED, pause_reason=code)


@transaction.atomic
def provider_resumed(code: str = "", now: datetime | None = None) -> None:
    """What had stopped them is over: the operator works again, or the limit ``code`` is lifted."""
    stopped = Drop.objects.select_for_update().filter(state=State.PAUSED)
    for drop in stopped.exclude(pause_reason=BY_HAND):
        if (drop.pause_reason if drop.pause_reason in LIMITS else "") == code:
            _go_on(drop, now)
