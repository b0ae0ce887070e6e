"""The member's page: a link that says which, a code that says who. No account, no password."""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from apps.club import letters
from apps.club.letters import post_letter, post_sms
from apps.club.member_models import DoorCode
from apps.club.models import BELONGS, Member
from apps.contacts.models import Channel, Contact
from apps.contacts.services import by_address
from apps.core.ratelimit import Limit, spend, spend_each
from apps.core.refusal import Refusal
from apps.core.tenancy import current_schema
from apps.core.tokens import keyed_hash
from apps.loyalty.card_links import can_receive

CODE_LASTS = timedelta(minutes=15)
OPEN_FOR = timedelta(hours=2)
TRIES = 5
CODES = Limit("club-code:member", 5, 3600)
LINKS_PER_CLIENT = Limit("club-link:client", 20, 3600)
LINKS_PER_ADDRESS = Limit("club-link:address", 4, 24 * 3600)


class WrongCode(Refusal):
    message = _("Ce code n’est pas le bon, ou il a servi. Relisez le dernier message reçu.")
    status = 422


class CodeEnded(Refusal):
    message = _("Ce code n’est plus valable. Demandez-en un nouveau.")
    status = 422


class Unreachable(Refusal):
    message = _(
        "Nous n’avons ni mobile ni e-mail où vous envoyer un code. Passez à la boutique ou "
        "écrivez-nous."
    )


def ways_of(contact: Contact) -> list[str]:
    """Where a code can reach the person."""
    return [channel.value for channel in Channel if can_receive(contact, channel)]


# --- the code ------------------------------------------------------------------------------


def _digest(member: Member, code: str) -> str:
    return keyed_hash(f"club code:{current_schema()}:{member.pk}", code)


@transaction.atomic
def send_code(member: Member, channel: str, *, now: datetime) -> None:
    """Six digits by SMS or e-mail, worth a quarter of an hour; a newer code ends the others.

    Raises ``Unreachable``, ``TooMany``.
    """
    if channel not in ways_of(member.person):
        raise Unreachable()
    spend(CODES, member.pk, now=now)
    code = f"{secrets.randbelow(10**6):06d}"
    DoorCode.objects.filter(member=member).delete()
    kept = DoorCode.objects.create(
        member=member, digest=_digest(member, code), made_at=now, ends_at=now + CODE_LASTS
    )
    said: dict[str, Any] = {"expires_at": kept.ends_at, "code": code}
    cause = f"club-code:{kept.pk}"
    if channel == Channel.SMS:
        post_sms(member, letters.CODE, cause, now=now, at_once=True, **said)
    else:
        post_letter(member, letters.CODE, cause, **said)


def open_with(member: Member, code: str, *, now: datetime) -> str:
    """The key of the member's page, for a cookie. Raises ``WrongCode``, ``CodeEnded``."""
    kept = DoorCode.objects.filter(member=member, used_at=None, ends_at__gt=now).first()
    if kept is None:
        raise CodeEnded()
    # Counted before it is looked at, in a statement of its own: who tries at once is counted too.
    if not DoorCode.objects.filter(pk=kept.pk, tries__lt=TRIES).update(tries=F("tries") + 1):
        raise CodeEnded()
    digits = "".join(sign for sign in code if sign.isdigit())
    if not hmac.compare_digest(kept.digest, _digest(member, digits)):
        raise WrongCode()
    if not DoorCode.objects.filter(pk=kept.pk, used_at=None).update(used_at=now):
        raise CodeEnded()
    return signing.dumps(member.token, salt=_salt())


def is_open(member: Member, key: str) -> bool:
    """Whether ``key`` opens this member's page, and still does."""
    try:
        return bool(signing.loads(key, salt=_salt(), max_age=OPEN_FOR) == member.token)
    except signing.BadSignature:
        return False


def _salt() -> str:
    return f"club door:{current_schema()}"


# --- the link ------------------------------------------------------------------------------


@transaction.atomic
def send_link(*, channel: str, address: str, client_address: str, now: datetime) -> None:
    """To whoever has that mobile or e-mail, and belongs to the club, the links of their pages;
    nobody else learns anything. Raises ``TooMany``."""
    spend_each((LINKS_PER_CLIENT, client_address), (LINKS_PER_ADDRESS, address.lower()), now=now)
    field = "phone" if channel == Channel.SMS else "email"
    contact = by_address(**{field: address})
    if contact is None:
        return
    found = Member.objects.of(contact).filter(state__in=BELONGS).select_related("plan")
    for member in found.order_by("pk"):
        send_link_of(member, channel, now=now)


def send_link_of(member: Member, channel: str, *, now: datetime) -> None:
    cause = f"club-link:{member.pk}:{now:%Y%m%d%H%M}"
    if channel == Channel.SMS:
        post_sms(member, letters.LINK, cause, now=now, at_once=True)
    else:
        post_letter(member, letters.LINK, cause)
