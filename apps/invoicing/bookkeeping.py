"""Who keeps the shop's books: connected, paused, left; what they refused sent again."""

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.core import due
from apps.core.actor import Actor
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.invoicing import access
from apps.invoicing.access import Tokens, Typed
from apps.invoicing.models import Record
from apps.invoicing.providers.base import Company, Later, Refused, ShutOut, Uncertain
from apps.invoicing.push_models import Bookkeeper, Delivery, Standing, State
from apps.invoicing.targets import TARGETS, Target
from apps.shops.models import Shop

DUE = "bookkeeping"  # this room's name in the due-index
_ONE_IS_ACTIVE = (
    f"WHERE EXISTS (SELECT 1 FROM invoicing_bookkeeper WHERE standing = '{Standing.ACTIVE}')"
)
CONNECTING = Limit("bookkeeper", 20, 600)


class Silent(Refusal):
    message = _("%(name)s ne répond pas. Rien n’a changé : réessayez dans quelques minutes.")
    status = 503


class KeyRefused(Refusal):
    message = _("%(name)s ne reconnaît pas cet accès. Rien n’a changé.")
    status = 422


class OtherBooks(Refusal):
    message = _("Vos pièces partent déjà chez %(name)s : débranchez-le d’abord.")


class NotConnected(Refusal):
    message = _("Aucun logiciel comptable n’est branché.")


def current() -> Bookkeeper | None:
    """The one that is not left, if there is one."""
    return Bookkeeper.objects.exclude(standing=Standing.LEFT).first()


def wake(now: datetime) -> None:
    """Something has just been sealed: with the caller's commit it is due at the bookkeeper's."""
    due.note_later(DUE, now, _ONE_IS_ACTIVE)


def connect(
    *, shop: Shop, target: Target, tokens: Tokens, since: date, by: Actor, now: datetime
) -> Bookkeeper:
    """Ask whose books these keys open, keep them, and send what was sealed from ``since`` on.

    What an account has already had is not sent to it again. Raises ``KeyRefused``, ``Silent``,
    ``OtherBooks``, ``TooMany``. Asked before the transaction: no lock waits.
    """
    spend(CONNECTING)
    company = _asked(target, tokens)
    with transaction.atomic():
        keeper = _begun(target, company, since, now)
        if tokens.access:
            access.keep(shop, target.code, tokens, by)
        told = {"target": target.code, "since": since.isoformat()}
        record(by, "books.connect", "bookkeeper", keeper.pk, after=told)
        due.note(DUE, now)
    return keeper


def _asked(target: Target, tokens: Tokens) -> Company:
    try:
        return target.open(Typed(tokens.access)).company()
    except (ShutOut, Refused) as error:
        raise KeyRefused(name=target.name) from error
    except (Later, Uncertain) as error:
        raise Silent(name=target.name) from error


def _begun(target: Target, company: Company, since: date, now: datetime) -> Bookkeeper:
    account = company.account[:64]
    for other in Bookkeeper.objects.select_for_update().exclude(standing=Standing.LEFT):
        if (other.target, other.account) != (target.code, account):
            raise OtherBooks(name=TARGETS[other.target].name)
    before = Record.objects.filter(on__lt=since).aggregate(last=Max("number"))["last"] or 0
    said = {
        "company": company.name[:120],
        "standing": Standing.ACTIVE,
        "why": "",
        "since": since,
        "cursor": before,
        "rests_until": None,
        "connected_at": now,
    }
    mine = Bookkeeper.objects.update_or_create(target=target.code, account=account, defaults=said)
    return mine[0]


def _turned(standing: Standing, verb: str, by: Actor, **more: Any) -> Bookkeeper:
    keeper = Bookkeeper.objects.select_for_update().exclude(standing=Standing.LEFT).first()
    if keeper is None:
        raise NotConnected()
    for name, value in {"standing": standing, **more}.items():
        setattr(keeper, name, value)
    keeper.save(update_fields=["standing", *more])
    record(by, verb, "bookkeeper", keeper.pk)
    return keeper


@transaction.atomic
def pause(*, by: Actor) -> None:
    """Nothing leaves until ``resume``; what is under way ends. Raises ``NotConnected``."""
    _turned(Standing.PAUSED, "books.pause", by)


@transaction.atomic
def resume(*, by: Actor, now: datetime) -> None:
    """Go on where it stood. Raises ``NotConnected``."""
    _turned(Standing.ACTIVE, "books.resume", by, why="", rests_until=None)
    due.note(DUE, now)


def leave(*, shop: Shop, by: Actor) -> None:
    """Nothing leaves any more, the keys are forgotten and the access is given back. What was sent
    stays noted: whoever connects the same account again sends nothing twice."""
    with transaction.atomic():
        keeper = _turned(Standing.LEFT, "books.leave", by)
        tokens = access.kept(shop, keeper.target)
        access.forget(shop, keeper.target, by)
    if tokens and tokens.refresh:
        access.revoke(tokens)


@transaction.atomic
def retry(*, pk: int | None = None, by: Actor, now: datetime) -> int:
    """Send again what was refused: one piece, or all of them; how many."""
    keeper = current()
    if keeper is None:
        raise NotConnected()
    refused = Delivery.objects.filter(bookkeeper=keeper, state=State.REFUSED)
    if pk is not None:
        refused = refused.filter(pk=pk)
    count = refused.update(state=State.QUEUED, due_at=now, code="", reason="")
    if count:
        record(by, "books.retry", "bookkeeper", keeper.pk, after={"count": count})
        due.note(DUE, now)
    return count
