"""The few digits by which a person of the team is known on the shop's own phones."""

import re
from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import PIN_TRIES, Device, Membership, Pin, Session, User
from apps.core.actor import Actor
from apps.core.ratelimit import Limit, spend_each
from apps.core.refusal import Refusal
from apps.core.trail import record
from apps.shops.models import Shop

# Counted whether right or wrong, before anything is compared.
OF_A_DEVICE, OF_A_PERSON = Limit("pin_device", 30, 300), Limit("pin_person", 15, 300)
# The keys in a column or round the edge: what a thumb draws without thinking.
_DRAWN = {"2580", "0852", "1397", "1379", "1470", "0741", "3690", "0963", "147258", "159357"}
_UP, _DOWN = "01234567890", "09876543210"


class NotAPin(Refusal):
    message = _("Votre code se compose de 4 à 6 chiffres.")
    status = 422


class TooEasy(Refusal):
    message = _("Ce code se devine trop vite (suite, répétition, année). Choisissez-en un autre.")
    status = 422


class WrongPin(Refusal):
    message = _("Ce n’est pas le bon code. Essais restants : %(left)s.")
    status = 403


class PinLocked(Refusal):
    message = _(
        "Cinq codes faux : ce nom est bloqué sur les téléphones de la boutique. Un responsable "
        "peut le débloquer, ou connectez-vous avec votre mot de passe."
    )
    status = 423


def check_choice(digits: str) -> None:
    """Raises ``NotAPin``, or ``TooEasy`` for what a colleague would try first."""
    if not re.fullmatch(r"[0-9]{4,6}", digits):
        raise NotAPin()
    repeated = re.fullmatch(r"(.{1,3})\1+", digits)
    is_year = len(digits) == 4 and 1930 <= int(digits) <= 2039
    if repeated or is_year or digits in _DRAWN or digits in _UP or digits in _DOWN:
        raise TooEasy()


@transaction.atomic
def choose(*, by: Membership, digits: str, now: datetime) -> None:
    """The person's PIN from now on, in this shop; whoever entered with the old one is out.

    Raises ``NotAPin`` or ``TooEasy``.
    """
    check_choice(digits)
    fresh = {"hash": make_password(digits), "wrong": 0, "locked_at": None, "set_at": now}
    Pin.objects.update_or_create(shop_id=by.shop_id, user_id=by.user_id, defaults=fresh)
    on_phones = Session.objects.filter(user_id=by.user_id, device__isnull=False)
    on_phones.filter(schema=by.shop_id).delete()
    record(by.actor, "pin.choose", "user", by.user_id)


def people(shop: Shop) -> list[Pin]:
    """Whom the shop's phones may ask for, by name."""
    known = Pin.objects.filter(shop=shop, user__is_active=True).select_related("user")
    return sorted(known, key=lambda pin: str(pin.user).casefold())


def locked(shop: Shop) -> set[int]:
    """Ids of the people whose PIN is locked."""
    found = Pin.objects.filter(shop=shop, locked_at__isnull=False)
    return set(found.values_list("user_id", flat=True))


def enter(*, pin: Pin, digits: str, device: Device, now: datetime) -> User:
    """Whose PIN it is, when ``digits`` are right; ``pin`` says afterwards whether it is locked.

    Raises ``WrongPin``, ``PinLocked`` from the fifth wrong one in a row on, or ``TooMany``.
    """
    spend_each((OF_A_DEVICE, str(device.pk)), (OF_A_PERSON, str(pin.pk)), now=now)
    refusal = _try(pin, digits, device, now)
    if refusal is not None:
        raise refusal  # what was counted stays counted
    return pin.user


@transaction.atomic
def _try(pin: Pin, digits: str, device: Device, now: datetime) -> Refusal | None:
    # Held while the digits are compared: six at once are five tries and a closed door.
    held = Pin.objects.select_for_update().get(pk=pin.pk)
    if held.locked_at:
        pin.locked_at = held.locked_at
        return PinLocked()
    if check_password(digits, held.hash):
        if held.wrong:
            held.wrong = 0
            held.save(update_fields=["wrong"])
        return None
    held.wrong += 1
    if held.wrong < PIN_TRIES:
        held.save(update_fields=["wrong"])
        return WrongPin(left=PIN_TRIES - held.wrong)
    held.locked_at = pin.locked_at = now
    held.save(update_fields=["wrong", "locked_at"])
    # Somebody at that phone; who, nobody has proven.
    record(Actor("system", device=device.number), "pin.lock", "user", held.user_id)
    return PinLocked()


@transaction.atomic
def unlock(*, by: Membership, user_id: int) -> bool:
    """Five new tries, given by a lead, or to oneself by a sign-in with the password; False when
    nothing was locked."""
    of_person = Pin.objects.filter(shop_id=by.shop_id, user_id=user_id)
    locked = of_person.filter(locked_at__isnull=False).update(wrong=0, locked_at=None)
    if locked:
        record(by.actor, "pin.unlock", "user", user_id)
    return bool(locked)
