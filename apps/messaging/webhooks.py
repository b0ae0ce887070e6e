"""What providers post to the platform's host: verify, store once, enqueue. Decides nothing.

The path's token names the shop. What is stored holds ids and codes; a number only until the
answer it came with is applied.
"""

import base64
import binascii
import hmac
import json
import re
import time
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import ProgrammingError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator

from apps.core.doors import public
from apps.core.reading import columns, instance, one
from apps.core.refusal import Refusal
from apps.messaging import accounts, callbacks, lines
from apps.messaging.providers import twilio
from apps.messaging.providers.inbound import Unreadable, letters
from apps.messaging.providers.urls import platform_url
from apps.shops.ledger import may_work
from apps.shops.models import Shop

MAX_BODY = 32_000  # bytes; a callback has a tenth of it
MAX_MAIL = 2_000_000  # a mail comes with its HTML and the list of what is attached
E164 = re.compile(r"\+[1-9][0-9]{6,14}")

# Brevo's words for what changes something; opens and clicks are not stored at all.
BREVO_EVENTS = frozenset(
    {
        "request",
        "delivered",
        "soft_bounce",
        "hard_bounce",
        "invalid_email",
        "blocked",
        "error",
        "spam",
        "complaint",
        "unsubscribed",
    }
)


BELIEVED = 10  # seconds: of a shop nothing but its name and its schema is read here
_BY_TOKEN = f"SELECT {columns(Shop, 's')} FROM public.shops_shop s WHERE s.callback_token = %s"
# How Twilio writes the channel before a number.
_LINES = {"": "sms", "whatsapp": "whatsapp"}


class ShopUpdating(Refusal):
    message = _("La boutique est en cours de mise à jour.")
    status = 503


class _Refused(Exception):
    """The answer is this status, and nothing was stored."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@lru_cache(maxsize=500)
def _known(token: str, _moment: int) -> Shop:
    row = one(_BY_TOKEN, [token])
    if row is None:
        raise Http404
    found: Shop = instance(Shop, row)
    return found


def _shop(token: object) -> Shop:
    if not isinstance(token, str):
        raise Http404
    found = _known(token, int(time.monotonic() / BELIEVED))
    if not may_work(found):
        raise ShopUpdating()  # its schema is behind this code: the provider comes back
    return found


def _store(
    shop: Shop,
    provider: str,
    attempt: object,
    payload: dict[str, Any],
    *,
    key: str = "",
    account: str = "",
) -> None:
    """Nobody's try is a 404."""
    try:
        known = callbacks.store(shop, provider, attempt, payload, key=key, account=account)
    except ProgrammingError:
        _known.cache_clear()
        _shop(shop.callback_token)  # a 404 for a shop that was erased a moment ago
        raise
    if not known:
        raise Http404


def _too_big(request: HttpRequest, most: int = MAX_BODY) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return not length.isdigit() or int(length) > most


def _twilio_fields(request: HttpRequest, shop: Shop | None, *names: str) -> list[str]:
    """The wanted fields of a request that Twilio signed; the rest is not looked at.

    It names its account, the platform's or the shop's own, whose token signs.
    """
    if _too_big(request):
        raise _Refused(413)
    # What was signed is the address we gave, whatever a proxy made of scheme and host.
    url = platform_url() + request.get_full_path()
    signature = request.headers.get("X-Twilio-Signature", "")
    secret = accounts.signing_token(shop, _account(request))
    if not secret or not RequestValidator(secret).validate(url, request.POST, signature):
        raise _Refused(403)
    values = [request.POST.get(name, "") for name in names]
    if not values[0] or any("\x00" in value or len(value) > 2000 for value in values):
        raise _Refused(400)
    return values


def _account(request: HttpRequest) -> str:
    """The shop's own account that a request comes from; empty for the platform's."""
    sid = str(request.POST.get("AccountSid", ""))
    return "" if sid == settings.TWILIO_ACCOUNT_SID else sid


@csrf_exempt
@public
@require_POST
def twilio_status(request: HttpRequest, shop_token: str, attempt: str) -> HttpResponse:
    """How far one try has come."""
    shop, names = _shop(shop_token), ("MessageSid", "MessageStatus", "ErrorCode")
    try:
        sid, status, code = _twilio_fields(request, shop, *names)
    except _Refused as refused:
        return HttpResponse(status=refused.status)
    if status not in twilio.STATUSES:
        return HttpResponse(status=400)
    payload = {"sid": sid[:64], "status": status, "code": code[:10]}
    _store(shop, "twilio", attempt, payload, account=_account(request))
    return HttpResponse(status=204)


def _said(request: HttpRequest, shop: Shop | None) -> dict[str, str]:
    """An answer that Twilio signed; without a shop, to the platform's own number."""
    sid, number, body = _twilio_fields(request, shop, "MessageSid", "From", "Body")
    line, _colon, bare = number.rpartition(":")
    if line not in _LINES or not E164.fullmatch(bare):
        raise _Refused(400)
    return {"sid": sid[:64], "channel": _LINES[line], "from": bare, "body": body}


@csrf_exempt
@public
@require_POST
def twilio_reply(request: HttpRequest, shop_token: str) -> HttpResponse:
    """A customer answered an SMS of this shop. Nothing is answered by itself."""
    shop = _shop(shop_token)
    try:
        said = _said(request, shop)
    except _Refused as refused:
        return HttpResponse(status=refused.status)
    _store(shop, "reply", None, said, key=said["sid"])
    return HttpResponse("<Response/>", content_type="text/xml")


@csrf_exempt
@public
@require_POST
def twilio_shared_reply(request: HttpRequest) -> HttpResponse:
    """A customer answered the platform's own number, which several shops write from."""
    try:
        said = _said(request, None)
    except _Refused as refused:
        return HttpResponse(status=refused.status)
    lines.keep(said)
    return HttpResponse("<Response/>", content_type="text/xml")


def _brevo_secret(request: HttpRequest) -> str:
    """What came as ``Bearer <secret>`` or as the password of Basic authentication."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Refused(400) from error
    if not isinstance(found, dict):
        raise _Refused(400)
    return found


def _check_brevo(request: HttpRequest, most: int = MAX_BODY) -> None:
    if _too_big(request, most):
        raise _Refused(413)
    given, wanted = _brevo_secret(request), settings.BREVO_WEBHOOK_SECRET
    if not wanted or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise _Refused(403)


def _brevo_event(request: HttpRequest) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The event and what we gave with the mail; None for a mail that is no shop's."""
    _check_brevo(request)
    event = _object(request.body)
    if not isinstance(event.get("event"), str):
        raise _Refused(400)
    ours = event.get("X-Mailin-custom")
    if not isinstance(ours, str) or event["event"] not in BREVO_EVENTS:
        return None
    return event, _object(ours)


@csrf_exempt
@public
@require_POST
def brevo(request: HttpRequest) -> HttpResponse:
    """What became of a mail."""
    try:
        found = _brevo_event(request)
    except _Refused as refused:
        return HttpResponse(status=refused.status)
    if found is not None:
        event, ours = found
        if any("\x00" in str(value) for value in ours.values()):
            return HttpResponse(status=400)
        _store(_shop(ours.get("shop")), "brevo", ours.get("attempt", ""), {"event": event["event"]})
    return HttpResponse(status=204)


@csrf_exempt
@public
@require_POST
def brevo_reply(request: HttpRequest) -> HttpResponse:
    """Customers answered mails (Brevo's inbound parsing). A mail that is for no shop is let go."""
    try:
        _check_brevo(request, MAX_MAIL)
        answers = letters(_object(request.body))
    except _Refused as refused:
        return HttpResponse(status=refused.status)
    except Unreadable:
        return HttpResponse(status=400)
    for slug, answer in answers:
        shop = Shop.objects.filter(slug=slug, closed_at=None).first()
        if shop is None:
            continue
        if not may_work(shop):
            raise ShopUpdating()
        _store(shop, "reply", None, answer, key=answer["sid"])
    return HttpResponse(status=204)
