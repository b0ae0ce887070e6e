"""By whose account a shop's SMS leave, and its WhatsApp messages from a number of its own: the
platform's, or the shop's own at the same operator.

The settings stand on the shop, the token in the vault under the account's name. So an account that
was left or replaced is still asked for the tries it took, and its callbacks are still believed,
until ``forget_unused`` lets it go.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.core.actor import SYSTEM, Actor
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.core.sealing import Unopenable
from apps.core.tenancy import in_schema
from apps.core.trail import record
from apps.messaging.consequences import resume
from apps.messaging.models import Attempt
from apps.messaging.providers.base import Account
from apps.messaging.providers.twilio_account import Report, inquire
from apps.messaging.providers.urls import reply_url
from apps.shops import vault
from apps.shops.models import Shop

QUESTIONS = Limit("sms_account", 20, 600)
SID = re.compile(r"AC[0-9a-f]{32}")
NEWS_COME_WITHIN = timedelta(days=3)  # what an account took is settled by then
_IN_VAULT = "twilio:"


class NoToken(Refusal):
    message = _("Collez aussi le jeton de ce compte : il n’est pas dans le coffre.")
    status = 422


class InUse(Refusal):
    message = _("Vos SMS partent par ce compte : revenez d’abord à celui de Comptoir.")


def account_of(shop: Shop) -> Account | None:
    """The shop's own account while its SMS leave by it; None: the platform's."""
    return account_named(shop, shop.sms_account) if shop.sms_account_since else None


def account_named(shop: Shop, sid: str) -> Account:
    """With an empty token when none is kept or the vault's key is gone: it refuses everything,
    so that the channel rests and the owner reads why."""
    try:
        token = vault.read(shop, _IN_VAULT + sid)
    except Unopenable:
        token = None
    return Account(sid, (token or b"").decode())


def accounts_named(shop: Shop, sids: Iterable[str]) -> dict[str, Account | None]:
    """Those that took some tries; « » is the platform's."""
    return {sid: account_named(shop, sid) if sid else None for sid in set(sids)}


def signing_token(shop: Shop | None, sid: str) -> str:
    """What a request in the name of the account ``sid`` must be signed with; empty: nothing is
    believed. Without a name it is the platform's, and to the platform's number no other speaks."""
    if not sid:
        return str(settings.TWILIO_AUTH_TOKEN)
    if shop is None or not SID.fullmatch(sid):
        return ""
    with in_schema(shop.schema_name):
        return account_named(shop, sid).token


def token_tail(shop: Shop, sid: str) -> str | None:
    """The last signs of the token that is kept for ``sid``; None when there is none."""
    return vault.tails(shop, _IN_VAULT + sid).get(_IN_VAULT + sid)


def adopt(
    *,
    shop: Shop,
    sid: str,
    sender: str,
    price_tenths: int,
    token: str = "",
    by: Actor,
    now: datetime | None = None,
) -> Report:
    """Ask Twilio about the account and use it if all is well; without a ``token``, by the one
    that is kept. One that Twilio knows is kept even so, to be typed once.

    Raises ``NoToken``, ``Silent``, ``TooMany``. Asked before the transaction: no lock waits.
    """
    account = Account(sid, token) if token else account_named(shop, sid)
    if not account.token:
        raise NoToken()
    spend(QUESTIONS)
    report = inquire(account, sender, reply_url(shop.callback_token))
    with transaction.atomic():
        if token and report.account_is_good:
            vault.keep(shop=shop, name=_IN_VAULT + sid, secret=token.encode(), by=by)
        if report.good:
            said = {"sms_account": sid, "sms_account_sender": sender}
            said_price = {"sms_account_price_tenths": price_tenths}
            _use(shop, now or timezone.now(), by, **said, **said_price)
    return report


def release(*, shop: Shop, by: Actor) -> None:
    """Back to the platform's account; the keys stay, so that one tap takes this back."""
    with transaction.atomic():
        _use(shop, None, by)


def _use(shop: Shop, since: datetime | None, by: Actor, **said: object) -> None:
    """What waited for the account before is tried at once by the one after."""
    row = Shop.objects.select_for_update().get(pk=shop.pk)
    before = {"account": row.sms_account, "in_use": row.sms_account_since is not None}
    for name, value in said.items():
        setattr(row, name, value)
    row.sms_account_since = since
    row.save(update_fields=["sms_account_since", *said])
    after = {"account": row.sms_account, "in_use": since is not None}
    if after != before:
        record(by, "shop.sms_account", "shop", row.pk, before=before, after=after)
    for way in channels.every():
        if way.address == "phone":
            resume(way.name, timezone.now())


@transaction.atomic
def erase(*, shop: Shop, by: Actor) -> None:
    """No key of the shop's accounts is kept any more. Raises ``InUse``."""
    row = Shop.objects.select_for_update().get(pk=shop.pk)
    if row.sms_account_since:
        raise InUse()
    for name in vault.tails(shop, _IN_VAULT):
        vault.forget(shop=shop, name=name, by=by)
    row.sms_account = row.sms_account_sender = ""
    row.save(update_fields=["sms_account", "sms_account_sender"])


def forget_unused(shop: Shop, now: datetime) -> None:
    """The tokens of accounts that were replaced, once no more news of theirs can come."""
    for name in vault.tails(shop, _IN_VAULT):
        sid = name.removeprefix(_IN_VAULT)
        lately = Attempt.objects.filter(account=sid, at__gt=now - NEWS_COME_WITHIN)
        if sid != shop.sms_account and not lately.exists():
            vault.forget(shop=shop, name=name, by=SYSTEM)
