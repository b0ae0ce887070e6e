"""Apple's web service for passes, on the shop's own host: what phones ask and say.

A phone proves itself by the pass's secret; what it may only list needs its own unguessable name.
"""

import json
import logging
import re
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.http import http_date, parse_http_date_safe
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.doors import public, takes
from apps.core.logs import scrub
from apps.core.network import client_address
from apps.core.ratelimit import Limit, first_over
from apps.shops.requests import ShopRequest
from apps.wallet import services
from apps.wallet.bundle import CONTENT_TYPE, bundle
from apps.wallet.identities import identity_for
from apps.wallet.models import Pass
from apps.wallet.services import NotYours

logger = logging.getLogger(__name__)

MAX_BODY = 32_000
LOGS = Limit("wallet:log", 60, 3600)
_SCHEME = "ApplePass "
_TOKEN = re.compile(r"[0-9A-Fa-f]{16,200}")
_TAG = re.compile(r"[0-9]{1,18}")


def _said(request: HttpRequest) -> dict[str, Any]:
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _held(request: HttpRequest, pass_type: str, serial: str) -> Pass:
    said = request.headers.get("Authorization", "")
    if not said.startswith(_SCHEME):
        raise NotYours()
    secret = said.removeprefix(_SCHEME)
    return services.pass_for(pass_type=pass_type, serial=serial, secret=secret)


@csrf_exempt
@takes(MAX_BODY)
@public
@require_http_methods(["POST", "DELETE"])
def registration(request: ShopRequest, library: str, pass_type: str, serial: str) -> HttpResponse:
    """A phone took the pass (201, or 200 when we knew), or let it go."""
    try:
        held = _held(request, pass_type, serial)
    except NotYours as refusal:
        return HttpResponse(status=refusal.status)
    if request.method == "DELETE":
        services.unregister(held=held, library=library)
        return HttpResponse(status=200)
    token = str(_said(request).get("pushToken", ""))
    if not _TOKEN.fullmatch(token):
        return HttpResponse(status=400)
    now = timezone.now()
    is_new = services.register(held=held, library=library, push_token=token, now=now)
    return HttpResponse(status=201 if is_new else 200)


@public
@require_safe
def serials(request: ShopRequest, library: str, pass_type: str) -> HttpResponse:
    """Which of a phone's passes have changed since the tag it was given the last time."""
    since = request.GET.get("passesUpdatedSince", "")
    tag = int(since) if _TAG.fullmatch(since) else -1
    changed = services.changed_since(library=library, pass_type=pass_type, tag=tag)
    if changed is None:
        return HttpResponse(status=204)
    return JsonResponse({"serialNumbers": changed.serials, "lastUpdated": str(changed.tag)})


@public
@require_safe
def latest(request: ShopRequest, pass_type: str, serial: str) -> HttpResponse:
    """The pass as it is now, or 304."""
    try:
        held = _held(request, pass_type, serial)
    except NotYours as refusal:
        return HttpResponse(status=refusal.status)
    modified = int(held.modified_at.timestamp())
    known = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    if known is not None and modified <= known:
        return HttpResponse(status=304, headers={"Last-Modified": http_date(modified)})
    return pass_file(request, held)


def pass_file(request: ShopRequest, held: Pass) -> HttpResponse:
    """The signed file; 503 while nobody can sign it."""
    identity = identity_for(request.shop, held.pass_type)
    if identity is None:
        return HttpResponse(status=503, headers={"Retry-After": "3600"})
    return HttpResponse(
        bundle(held, request.shop, identity),
        content_type=CONTENT_TYPE,
        headers={
            "Last-Modified": http_date(int(held.modified_at.timestamp())),
            "Content-Disposition": 'attachment; filename="carte.pkpass"',
            "Cache-Control": "private, no-cache",
            "Content-Encoding": "identity",  # its pictures are packed: gzip would only take time
        },
    )


@csrf_exempt
@takes(MAX_BODY)
@public
@require_POST
def log(request: ShopRequest) -> HttpResponse:
    """What phones complain of, for our own log: no names, no serials, and not without end."""
    if first_over((LOGS, client_address(request))) is None:
        told = _said(request).get("logs", [])
        for line in told[:10] if isinstance(told, list) else []:
            logger.warning("a phone says: %s", _without_names(str(line)))
    return HttpResponse(status=200)


def _without_names(line: str) -> str:
    return scrub(re.sub(r"[\w-]{20,}", "…", line))[:300]
