"""The queue's doors: what a phone keeps, what it sends, and what somebody must see to."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door, takes
from apps.core.roles import Right
from apps.counter.forms import LONGEST, GestureForm, LeaseForm, LetterForm
from apps.counter.models import Gesture
from apps.counter.passes import write_clock, write_pass
from apps.counter.queries import how_many_refused, kept_cards, refused, standing_lease
from apps.counter.services import Answer, Letter, drain, end_lease, lease, settle


@door(Right.COUNTER)
@never_cache
@require_safe
def overview(request: TeamRequest) -> HttpResponse:
    """What waits on this phone (the phone fills it in), what was refused, who may give."""
    found = {"refused": refused(), "lease": standing_lease()}
    return render(request, "counter/overview.html", found)


@door(Right.COUNTER)
@never_cache
@require_safe
def state(request: TeamRequest) -> JsonResponse:
    """What a phone asks first when the network is back; ``?a=``: what its clock says."""
    held, now, told = standing_lease(), timezone.now(), request.GET.get("a", "")
    clock = (
        write_clock(now - _by_its_clock(int(told))) if re.fullmatch(r"[0-9]{1,14}", told) else ""
    )
    said = {
        "csrf": get_token(request),
        "pass": write_pass(request.user.pk, request.membership.device, now),
        "clock": clock,
        "who": request.user.get_short_name(),
        "refused": how_many_refused(),
        "gives": str(held.device) if held else "",
    }
    return JsonResponse(said)


@door(Right.COUNTER)
@require_safe
def cards(request: TeamRequest) -> HttpResponse:
    """What a phone keeps of the cards; 304 when it has that already."""
    text = json.dumps(kept_cards(timezone.now()), separators=(",", ":"), ensure_ascii=False)
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
    same = request.headers.get("If-None-Match", "").removeprefix("W/") == tag
    response = HttpResponse(status=304) if same else HttpResponse(text, "application/json")
    # The phone keeps it sealed, by its own script; the browser's cache must not keep it open.
    response["ETag"], response["Cache-Control"] = tag, "no-store"
    return response


@door(Right.COUNTER)
@takes(200_000)
@never_cache
@require_POST
def send(request: TeamRequest) -> HttpResponse:
    """A letter from a phone's queue: what came of each gesture, in the order they were sent."""
    now = timezone.now()
    told = _told(request.body)
    form = LetterForm(told)
    gestures = told.get("gestures")
    if not form.is_valid() or not isinstance(gestures, list) or len(gestures) > LONGEST:
        return JsonResponse({"error": _("Cet envoi est illisible.")}, status=422)
    read = [GestureForm(one if isinstance(one, dict) else {}) for one in gestures]
    named = [one.queued for one in read if one.is_valid() or "id" in one.cleaned_data]
    letter = Letter(
        device=form.cleaned_data["device"],
        by=actor(request),
        region=request.shop.region,
        offset=now - _by_its_clock(form.cleaned_data["sent_at"]),
        now=now,
    )
    answers = [_said(one) for one in drain(named, letter)]
    return JsonResponse({"answers": answers, "refused": how_many_refused()})


def _by_its_clock(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _told(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _said(answer: Answer) -> dict[str, str]:
    return {"id": str(answer.token), "state": answer.state, "reason": answer.reason}


@door(Right.COUNTER)
@require_POST
def settled(request: TeamRequest, pk: int) -> HttpResponse:
    """« C’est réglé »: somebody has seen to it."""
    settle(get_object_or_404(Gesture, pk=pk), by=actor(request), now=timezone.now())
    messages.success(request, _("C’est noté comme réglé."), extra_tags="good")
    return HttpResponseRedirect(reverse("counter-offline"))


@door(Right.LOYALTY_RULES)
@require_POST
def give_offline(request: TeamRequest) -> HttpResponse:
    """Let this device, and no other, hand rewards over without signal; or none."""
    by, now = actor(request), timezone.now()
    if request.POST.get("act") == "end":
        end_lease(by=by, now=now)
        messages.success(request, _("Plus aucun appareil n’offre sans réseau."), extra_tags="good")
        return HttpResponseRedirect(reverse("counter-offline"))
    form = LeaseForm(request.POST)
    if not form.is_valid():
        error = next(str(one) for many in form.errors.values() for one in many)
        found = {"refused": refused(), "lease": standing_lease(), "error": error}
        return render(request, "counter/overview.html", found, status=422)
    held = lease(by=by, now=now, **form.cleaned_data)
    told = _("%(name)s peut offrir sans réseau.") % {"name": held.name}
    messages.success(request, told, extra_tags="good")
    return HttpResponseRedirect(reverse("counter-offline"))
