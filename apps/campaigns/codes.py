"""A code at the counter: read, used once, given back. The checkout calls the same ``redeem``."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.campaigns.models import Send, Use
from apps.campaigns.personal import DRAWN, SIZE, check_sign
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.templatetags.french import jour
from apps.core.tokens import READABLE
from apps.loyalty.services import TokenSpent

WHOSE = ("drop", "run__trigger", "contact__merged_into")
UNDO_WINDOW = timedelta(minutes=10)
_SIGNS = re.compile(rf"[{READABLE}]{{{SIZE}}}")


class CodeMistyped(Refusal):
    message = _(
        "Ce code est mal recopié. Il a neuf signes, sans 0 ni 1, sans I, L ni O : « K7Q-M3X-TPA »."
    )
    status = 422


class CodeOfAnotherShop(Refusal):
    message = _("Ce code n’est pas d’ici : il vient d’une autre boutique.")
    status = 404


class CodeExpired(Refusal):
    message = _("Ce code valait jusqu’au %(day)s : il n’est plus valable.")


class CodeSpent(Refusal):
    message = _("Ce code a déjà servi, le %(day)s à %(hour)s.")


class GivenBackTooLate(Refusal):
    message = _("Un code se rend dans les dix minutes. Demandez à un responsable.")


class NotYourGesture(Refusal):
    message = _("Seule la personne qui a validé ce code, ou un responsable, peut le rendre.")
    status = 403


@dataclass(frozen=True, slots=True)
class Redeemed:
    use: Use
    repeated: bool


def read(typed: str, host: str = "") -> str:
    """The code in what was typed or scanned, without its hyphens.

    ``host`` is the shop's: an address that names another is another shop's code.
    Raises ``CodeMistyped`` or ``CodeOfAnotherShop``.
    """
    if "://" in typed:
        address = urlsplit(typed.strip())
        if host and address.hostname != host:
            raise CodeOfAnotherShop()
        typed = address.path.rstrip("/").rpartition("/")[2]
    code = re.sub(r"[\W_]", "", typed).upper()
    if not _SIGNS.fullmatch(code) or check_sign(code[:DRAWN]) != code[-1]:
        raise CodeMistyped()
    return code


def send_of(code: str) -> Send:
    """Whose code it is. Raises ``CodeOfAnotherShop`` when nobody's here."""
    found = Send.objects.select_related(*WHOSE).filter(code=code).first()
    if found is None:
        raise CodeOfAnotherShop()
    return found


def standing_use(send: Send) -> Use | None:
    return Use.objects.filter(send=send, undone_at=None).first()


def expired(until: date | None, now: datetime) -> bool:
    """Its last day counts to midnight, where the shop is."""
    return until is not None and timezone.localdate(now) > until


def redeem(*, code: str, token: UUID, by: Actor, now: datetime) -> Redeemed:
    """Use a code, once, whoever else tries at the same instant; the same ``token`` again changes
    nothing. ``code`` as ``read`` returns it.

    Raises ``CodeOfAnotherShop``, ``CodeSpent``, ``CodeExpired``, or ``TokenSpent`` when the token
    stands for another gesture.
    """
    try:
        with transaction.atomic():
            return _redeem(code, token, by, now)
    except IntegrityError as error:  # the token came with another code at the same instant
        raise TokenSpent() from error


def _redeem(code: str, token: UUID, by: Actor, now: datetime) -> Redeemed:
    send = Send.objects.select_for_update(of=("self",)).filter(code=code).first()
    if send is None:
        raise CodeOfAnotherShop()
    earlier = Use.objects.filter(token=token).first()
    if earlier is not None:
        if earlier.send_id != send.pk:
            raise TokenSpent()
        return Redeemed(earlier, repeated=True)
    if spent := standing_use(send):
        at = timezone.localtime(spent.at)
        raise CodeSpent(day=jour(at), hour=at.strftime("%H:%M"))
    until = send.source.offer_until
    if expired(until, now):
        raise CodeExpired(day=jour(until))
    use = Use.objects.create(send=send, token=token, actor_kind=by.kind, actor_id=by.id, at=now)
    record(by, "code.redeem", "send", send.pk, after={"cause": send.source.cause})
    return Redeemed(use, repeated=False)


@transaction.atomic
def give_back(*, use: Use, by: Actor, now: datetime, lead: bool = False) -> Use:
    """Undo: the code may be used again. Its author within ten minutes, a ``lead`` whenever.

    The use stays as a trace. Undone twice is undone once.
    Raises ``GivenBackTooLate``, ``NotYourGesture``.
    """
    use = Use.objects.select_for_update(of=("self",)).get(pk=use.pk)
    if use.undone_at is not None:
        return use
    if refusal := _may_not_give_back(use, by, now, lead):
        raise refusal
    use.undone_at = now
    use.save(update_fields=["undone_at"])
    record(by, "code.give_back", "send", use.send_id, before={"used_at": use.at.isoformat()})
    return use


def may_give_back(use: Use, by: Actor, now: datetime, lead: bool) -> bool:
    return _may_not_give_back(use, by, now, lead) is None


def _may_not_give_back(use: Use, by: Actor, now: datetime, lead: bool) -> Refusal | None:
    if lead:
        return None
    if (use.actor_kind, use.actor_id) != (by.kind, by.id):
        return NotYourGesture()
    return GivenBackTooLate() if now - use.at > UNDO_WINDOW else None
