"""Writing drops, letting them go, watching them arrive."""

import re
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audience.builder import Builder
from apps.audience.criteria import REASONS, Criteria, describe
from apps.audience.models import Segment
from apps.audience.segment_views import builder_page
from apps.campaigns import picking, queries, services, trial_views
from apps.campaigns.affording import LIMITS, affordable
from apps.campaigns.booking_queries import told_of_lot
from apps.campaigns.estimate import Estimate
from apps.campaigns.forms import DropForm, corrected
from apps.campaigns.lot_forms import LotForm
from apps.campaigns.lots import lot_of
from apps.campaigns.models import Drop, State
from apps.campaigns.rival_forms import RivalForm
from apps.campaigns.ruling import picked
from apps.campaigns.splitting import rival_of
from apps.campaigns.starters import BY_KEY, STARTERS
from apps.campaigns.telling import told_of
from apps.campaigns.timing import departure, waves_said
from apps.campaigns.versus import versus
from apps.campaigns.writing import VARIABLES
from apps.contacts.channels import named
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.core.templatetags.french import jour
from apps.messaging import conversations
from apps.messaging.budget import closed
from apps.messaging.telling import notices
from apps.shops.models import Shop

PER_PAGE = 20
A_WHILE = timedelta(minutes=10)  # what waits less than that is only being tried again
NUMBER = re.compile(r"[0-9]{1,18}")


def _drop(pk: int) -> Drop:
    found = Drop.objects.select_related("rival", "segment", "lot__variant__product")
    return get_object_or_404(found, pk=pk)


@door(Right.WRITE_DROPS)
@require_safe
def drops(request: TeamRequest) -> HttpResponse:
    """Every drop, the newest first, with how it stands."""
    page = Paginator(Drop.objects.order_by("-created_at", "-pk"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "section": "messages",
        "page": page,
        "results": queries.results(page.object_list),
        "answers": conversations.lines(conversations.threads(unread_only=True)[:5]),
        "unread": conversations.unread(),
    }
    return render(request, "campaigns/drops.html", context)


@door(Right.WRITE_DROPS)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: TeamRequest) -> HttpResponse:
    """Where to start from; a link may already say for whom."""
    asked = request.POST if request.method == "POST" else request.GET
    number, criteria = asked.get("segment", ""), Criteria.asked(asked)
    segment = Segment.objects.filter(pk=number).first() if NUMBER.fullmatch(number) else None
    if request.method == "POST":
        starter = BY_KEY.get(request.POST.get("depart", ""), BY_KEY["blank"])
        whom = criteria if criteria.groups else starter.criteria
        drop = services.create(actor(request), whom, starter.written, segment=segment)
        return redirect("drop", drop.pk)
    context = {
        "section": "messages",
        "starters": STARTERS,
        "prefilled": request.GET if segment or criteria.groups else None,
        "for_whom": f"le segment « {segment} »" if segment else describe(criteria),
    }
    return render(request, "campaigns/new.html", context)


@door(Right.WRITE_DROPS)
@require_safe
def drop(request: TeamRequest, pk: int) -> HttpResponse:
    """A draft's composer; once launched, how it goes."""
    found = _drop(pk)
    if found.is_draft:
        return _composer(request, found)
    return _progress(request, found)


# --- the composer ------------------------------------------------------------------------


@door(Right.WRITE_DROPS)
@require_POST
def save(request: TeamRequest, pk: int) -> HttpResponse:
    """Keep what is typed. ``act`` says what then: nothing, lighten, choose who, go on."""
    found, now = _drop(pk), timezone.now()
    if not found.is_draft:
        raise services.AlreadyLaunched()
    act, data = request.POST.get("act", "save"), corrected(request.POST.copy())
    form = DropForm(data, instance=found, shop=request.shop, now=now)
    rival = RivalForm(data, drop=found)
    if not (form.is_valid() & rival.is_valid()):
        return _composer(request, _drop(pk), form, rival)
    services.save(pk, form.cleaned_data, form.cleaned_data["segment"])
    services.save_rival(pk, rival.typed)
    if act == "lighten":
        services.lighten_sms(pk)
    if request.htmx:
        return _composer(request, _drop(pk))
    if act in {"go", "who"}:
        return redirect("drop_launch" if act == "go" else "drop_who", pk)
    anchors = {"lighten": "message", "correct": "message", "recount": "qui"}
    anchor = anchors.get(act.partition(":")[0], "")
    return redirect(f"{_path(pk)}#{anchor}" if anchor else _path(pk))


def _path(pk: int) -> str:
    return f"/gestion/messages/{pk}/"


def _composer(
    request: TeamRequest,
    found: Drop,
    form: DropForm | None = None,
    rival: RivalForm | None = None,
) -> HttpResponse:
    now = timezone.now()
    lot = lot_of(found)
    context = {
        "section": "messages",
        "drop": found,
        "lot": lot,
        "lot_form": LotForm(instance=lot, now=now) if lot else None,
        "form": form or DropForm(instance=found, shop=request.shop, now=now),
        "rival": rival or RivalForm(drop=found),
        "wrong": form is not None,
        "variables": VARIABLES,
        **trial_views.shown(request, found),
        "latest": queries.latest_result(),
        **told_of(found, request.shop, now),
    }
    name = "campaigns/live.html" if request.htmx else "campaigns/composer.html"
    return render(request, name, context, status=422 if form is not None else 200)


@door(Right.WRITE_DROPS)
@require_http_methods(["GET", "HEAD", "POST"])
def who(request: TeamRequest, pk: int) -> HttpResponse:
    """Criteria of this message's own, from where its choice stands."""
    found = _drop(pk)
    if not found.is_draft:
        raise services.AlreadyLaunched()
    builder = Builder.typed(request.POST) if request.method == "POST" else Builder.of(found.who)
    wrong = False
    if builder.act == "save":
        criteria = builder.read()
        if criteria is not None:
            services.choose(pk, criteria)
            return redirect(f"{_path(pk)}#qui")
        wrong = True
    context = {"section": "messages", "drop": found}
    return builder_page(request, builder, "campaigns/who.html", context, 422 if wrong else 200)


@door(Right.WRITE_DROPS)
@require_POST
def discard(request: TeamRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    services.discard(_drop(pk).pk)
    messages.success(request, "Brouillon supprimé.")
    return redirect("drops")


@door(Right.WRITE_DROPS)
@require_POST
def duplicate(request: TeamRequest, pk: int) -> HttpResponse:
    """A new draft with the same words."""
    copy = services.duplicate(_drop(pk), actor(request))
    return redirect("drop", copy.pk)


# --- letting it go -----------------------------------------------------------------------


@door(Right.WRITE_DROPS)
@require_http_methods(["GET", "HEAD", "POST"])
def launch(request: TeamRequest, pk: int) -> HttpResponse:
    """Read it once more with its numbers, then let it go."""
    found, now = _drop(pk), timezone.now()
    token = _token(request.POST)
    if not found.is_draft:
        if request.method != "POST" or found.launch_token == token:
            return redirect("drop", pk)
        raise services.AlreadyLaunched()
    told = told_of(found, request.shop, now)
    if request.method == "POST" and token and _agreed(request.POST, told["told"]):
        services.launch(pk, token, actor(request), told["told"], now)
        return redirect("drop", pk)
    problem = _problem(found, told["told"], request.shop, now)
    changed = request.method == "POST" and not problem
    context = {
        "section": "messages",
        "drop": found,
        "problem": problem,
        "changed": changed,
        "token": uuid.uuid4(),
        **told,
    }
    status = 409 if changed else 422 if request.method == "POST" else 200
    return render(request, "campaigns/launch.html", context, status=status)


def _token(data: QueryDict) -> uuid.UUID | None:
    try:
        return uuid.UUID(data.get("token", ""))
    except ValueError:
        return None


def _agreed(data: QueryDict, told: Estimate) -> bool:
    """Whether what is about to leave is what was read; fewer people is no surprise."""
    read = data.get("people", ""), data.get("segments", "")
    if not all(part.isascii() and part.isdigit() for part in read):
        return False
    people, segments = map(int, read)
    return told.people <= people * 1.02 + 2 and told.segments <= segments * 1.02 + 4


def _problem(found: Drop, told: Estimate, shop: Shop, now: datetime) -> str:
    try:
        services.ready(found, now)
        if told.people:
            affordable(told, shop, found.send_at or now)
    except Refusal as refusal:
        return str(refusal)
    return "" if told.people else str(services.NobodyToReach())


@door(Right.WRITE_DROPS)
@require_POST
def pick(request: TeamRequest, pk: int, text: str) -> HttpResponse:
    """Do not wait for the figures: the others read this one."""
    try:
        picking.choose(_drop(pk).pk, text, actor(request))
        messages.success(request, f"Les autres clients reçoivent le texte {text.upper()}.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("drop", pk)


@door(Right.WRITE_DROPS)
@require_POST
def act(request: TeamRequest, pk: int, verb: str) -> HttpResponse:
    """Pause, go on, call off, or take a scheduled drop back."""
    verbs = {
        "pause": (services.pause, "En pause : ce qui n’est pas parti attend."),
        "reprendre": (services.resume, "C’est reparti."),
        "annuler": (services.cancel, "Annulé : ce qui n’était pas parti ne partira pas."),
        "deprogrammer": (services.unschedule, "Redevenu brouillon : rien ne partira."),
    }
    do, sentence = verbs[verb]
    do(_drop(pk).pk, actor(request))
    messages.success(request, sentence)
    return redirect("drop", pk)


# --- watching it arrive ------------------------------------------------------------------


def _progress(request: TeamRequest, found: Drop) -> HttpResponse:
    (result,), stops = queries.results([found]), queries.stops(found)
    now = timezone.now()
    waves = queries.waves(found, now) if found.state == State.SENDING else []
    lot = lot_of(found)
    context = {
        "section": "messages",
        "drop": found,
        "result": result,
        "channels": queries.by_channel(found),
        "troubles": queries.troubles(found),
        "stops": stops,
        "unwelcome": queries.unwelcome(result, stops),
        "effect": queries.effect(found),
        **_two_texts(found),
        "left_out": [(REASONS[reason], count) for reason, count in found.left_out.items() if count],
        "pause_said": _pause_said(found),
        "limited": found.pause_reason in LIMITS,
        "notices": [one for one in notices(request.shop, now) if one.slows],
        "rests_until": _rests_until(found, now),
        "waves": waves_said(waves, request.shop, now),
        "words": [
            (named(c), found.written(c, "subject"), found.written(c)) for c in found.channels
        ],
        "for_whom": describe(found.who),
        "departure": departure(request.shop, None if found.launched_at else found.send_at, now),
        "confirm_cancel": _cancel_said(result),
        **(told_of_lot(lot) if lot and not request.htmx else {}),
    }
    name = "campaigns/drop.html#progress" if request.htmx else "campaigns/drop.html"
    return render(request, name, context)


def _two_texts(found: Drop) -> dict[str, Any]:
    """Both texts side by side, and what was or is to be picked."""
    rival = rival_of(found)
    if rival is None:
        return {}
    waits = found.promised.get("reached", 0) - found.audience_size if rival.waits else 0
    return {"versus": versus(found), "waits": max(waits, 0), "picked": picked(rival)}


def _rests_until(found: Drop, now: datetime) -> datetime | None:
    """When what is left goes on, if that is not now: overseas it is another hour."""
    at = queries.goes_on_at(found) if found.state == State.SENDING else None
    return at if at and at > now + A_WHILE else None


def _pause_said(found: Drop) -> str:
    if found.state != State.PAUSED:
        return ""
    if found.pause_reason == services.BY_HAND:
        return "En pause. Ce qui n’est pas parti attend votre signal."
    if shut := closed(found.channels, timezone.now()):
        until = jour(shut.until)
        return (
            f"{queries.say(shut.why)} : ce qui n’est pas parti attend le {until}, ou que la "
            "limite soit relevée."
        )
    return f"L’envoi s’est arrêté : {queries.say(found.pause_reason)}"


def _cancel_said(result: queries.Result) -> str:
    n = result.waiting
    return (
        ngettext(
            "Annuler l’envoi ? %d message ne partira pas.",
            "Annuler l’envoi ? %d messages ne partiront pas.",
            n,
        )
        % n
    )
