"""The shop's own phones: offered by a code, paired once, taken away at once; who is at them."""

import hashlib
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import login
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Device, Membership, Session, User
from apps.core.actor import Actor
from apps.core.ratelimit import Limit, spend, spend_each
from apps.core.refusal import Refusal
from apps.core.tenancy import current_schema
from apps.core.tokens import new_token, readable_code
from apps.core.trail import record
from apps.shops.models import Shop

COOKIE = "telephone"
COOKIE_SECONDS = 400 * 24 * 3600  # as long as browsers keep one; each use renews it
CODE_LENGTH, CODE_TIME = 8, timedelta(minutes=10)
IDLE_SECONDS = 15 * 60
_SEEN_EVERY = 60  # seconds
OFFERS = Limit("device", 30, 86_400)
TRIES, ALL_TRIES = Limit("pair", 10, 600), Limit("pair_all", 200, 600)


class CodeOver(Refusal):
    message = _(
        "Ce code a expiré ou a déjà servi. Demandez-en un nouveau sur la page « Équipe » du "
        "tableau de bord."
    )
    status = 410


class DeviceGone(Refusal):
    message = _("Ce téléphone n’est plus relié à la boutique.")
    status = 410


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def offer(*, by: Membership, name: str, now: datetime) -> Device:
    """A phone called ``name`` may be paired for ten minutes, by whoever has the code first.

    Offers that nobody took are forgotten here. Raises ``TooMany``.
    """
    spend(OFFERS, by.shop_id, now=now)
    # Two colleagues at once: the second waits here for the next number.
    shop = Shop.objects.select_for_update().get(schema_name=by.shop_id)
    of_shop = Device.objects.filter(shop=shop)
    of_shop.filter(paired_at=None, code_ends_at__lt=now).delete()
    last = of_shop.aggregate(last=Max("number"))["last"] or 0
    return Device.objects.create(
        shop=shop,
        number=last + 1,
        name=name,
        code=readable_code(CODE_LENGTH),
        code_ends_at=now + CODE_TIME,
        offered_by_id=by.user_id,
        offered_at=now,
    )


def pair(*, code: str, address: str, now: datetime) -> tuple[Device, str]:
    """The phone at ``address`` becomes the one that ``code`` offers; returns it and its key, which
    is said here and nowhere again.

    Raises ``CodeOver``, or ``TooMany`` when somebody guesses.
    """
    spend_each((TRIES, address), (ALL_TRIES, ""), now=now)
    code = "".join(code.split()).replace("-", "").upper()
    key = new_token()
    waiting = Device.objects.filter(shop_id=current_schema(), paired_at=None, code_ends_at__gt=now)
    with transaction.atomic():
        found = waiting.exclude(code="").select_for_update(of=("self",)).filter(code=code).first()
        if found is None:
            raise CodeOver()
        found.code, found.key_hash, found.paired_at, found.seen_at = "", _hash(key), now, now
        found.save(update_fields=["code", "key_hash", "paired_at", "seen_at"])
        record(Actor("team", found.offered_by_id), "device.pair", "device", found.number)
    return found, key


def at(request: HttpRequest, now: datetime) -> Device | None:
    """The phone of the shop from which this request comes, seen now; None when it is none."""
    key = request.COOKIES.get(COOKIE)
    of_shop = Device.objects.filter(shop_id=current_schema())
    found = of_shop.filter(key_hash=_hash(key)).first() if key else None
    if found is not None:
        _seen(found.number, now)
    return found


def _seen(number: int, now: datetime) -> None:
    long_ago = Q(seen_at__lt=now - timedelta(seconds=_SEEN_EVERY))
    Device.objects.filter(long_ago, shop_id=current_schema(), number=number).update(seen_at=now)


def shown(shop: Shop, now: datetime) -> QuerySet[Device]:
    """What the team sees: paired phones, and those that wait for theirs."""
    waiting_or_paired = Q(paired_at__isnull=False) | Q(code_ends_at__gt=now)
    return Device.objects.filter(waiting_or_paired, shop=shop, revoked_at=None).order_by("number")


def _living(by: Membership, number: int) -> QuerySet[Device]:
    return Device.objects.filter(shop_id=by.shop_id, number=number, revoked_at=None)


def rename(*, by: Membership, number: int, name: str) -> None:
    """Raises ``DeviceGone``."""
    if not _living(by, number).update(name=name):
        raise DeviceGone()


@transaction.atomic
def revoke(*, by: Membership, number: int, now: datetime) -> None:
    """The phone is a stranger from its next request on, and whoever is at it is out.

    Raises ``DeviceGone``.
    """
    if not _living(by, number).update(revoked_at=now, key_hash="", code=""):
        raise DeviceGone()
    Session.objects.filter(schema=by.shop_id, device=number).delete()
    record(by.actor, "device.revoke", "device", number)


@transaction.atomic
def begin_session(
    request: HttpRequest, user: User, device: Device, *, by_pin: bool = False
) -> None:
    """``user`` is at the phone; their session ends when it has rested for a while.

    Whoever takes the phone away meanwhile waits for this, and then ends it. Raises ``DeviceGone``.
    """
    held = Device.objects.select_for_update().filter(pk=device.pk, revoked_at=None)
    if held.first() is None:
        raise DeviceGone()
    request.session.flush()
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session["device"] = device.number
    if by_pin:
        request.session["by_pin"] = True
    request.session.set_expiry(IDLE_SECONDS)
    request.session.save()


def keep_awake(session: SessionBase) -> None:
    """Somebody is at the phone: it is seen, and their session lasts from now; once a minute."""
    now = int(time.time())
    if now - session.get("seen_at", 0) > _SEEN_EVERY:
        session["seen_at"] = now
        _seen(session["device"], timezone.now())
