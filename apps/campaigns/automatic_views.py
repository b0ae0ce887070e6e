"""Messages that leave by themselves: the list, one of them, on and off."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.campaigns import automatic, automatic_queries, trial_views
from apps.campaigns.automatic_forms import TriggerForm, settings_form
from apps.campaigns.forms import corrected
from apps.campaigns.models import Trigger
from apps.campaigns.previews import (
    further_samples,
    mail_sample,
    missing_said,
    samples,
    shown,
)
from apps.campaigns.timing import said
from apps.campaigns.triggers import KINDS
from apps.campaigns.writing import VARIABLES
from apps.contacts.models import Channel
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.messaging.channels import sending
from apps.messaging.services import HEALTH
from apps.messaging.telling import notices
from apps.messaging.text import lighten


@dataclass(frozen=True, slots=True)
class _Typed:
    """What the composer shows: as it is kept, or as it was just typed."""

    words: TriggerForm
    settings: forms.Form
    problem: str = ""

    @property
    def wrong(self) -> bool:
        return bool(self.problem or self.words.errors or self.settings.errors)


def _trigger(pk: int) -> Trigger:
    # What a newer version made and this one does not know has no page.
    return get_object_or_404(Trigger, pk=pk, kind__in=KINDS)


@door(Right.WRITE_DROPS)
@require_safe
def triggers(request: TeamRequest) -> HttpResponse:
    """Every one, what leaves first, with what it has sent lately."""
    known = Trigger.objects.filter(kind__in=KINDS).select_related("segment")
    found = list(known.order_by("created_at", "pk"))
    found.sort(key=lambda trigger: not trigger.is_on)
    context = {
        "section": "messages",
        "triggers": automatic_queries.figures(found, timezone.now() - automatic_queries.LATELY),
        "kinds": KINDS.values(),
    }
    return render(request, "campaigns/triggers.html", context)


@door(Right.WRITE_DROPS)
@require_POST
def new(request: TeamRequest) -> HttpResponse:
    """One more, off, with first words."""
    kind = request.POST.get("kind", "")
    if kind not in KINDS:
        return redirect("triggers")
    return redirect("trigger", automatic.create(kind, actor(request)).pk)


@door(Right.WRITE_DROPS)
@require_safe
def trigger(request: TeamRequest, pk: int) -> HttpResponse:
    """Its words, its rule, and what it has sent."""
    found = _trigger(pk)
    words = TriggerForm(instance=found, shop=request.shop)
    return _page(request, found, _Typed(words, settings_form(found)))


@door(Right.WRITE_DROPS)
@require_POST
def save(request: TeamRequest, pk: int) -> HttpResponse:
    """``act`` says what of what is typed: keep it, show it, make it lighter, look back with it.

    Only « save » keeps anything: what is on must never leave half written.
    """
    found, act, data = _trigger(pk), request.POST.get("act", ""), corrected(request.POST.copy())
    if act == "lighten":
        data["sms_text"] = lighten(data.get("sms_text", ""))
    words = TriggerForm(data, instance=found, shop=request.shop)
    settings = settings_form(found, data)
    if not (words.is_valid() & settings.is_valid()):
        return _page(request, _trigger(pk), _Typed(words, settings))
    if act == "save":
        try:
            typed, by = (words.cleaned_data, settings.cleaned_data), actor(request)
            automatic.save(pk, *typed, by=by, shop=request.shop)
        except Refusal as refusal:
            return _page(request, _trigger(pk), _Typed(words, settings, str(refusal)))
        messages.success(request, "Enregistré.")
        return redirect("trigger", pk)
    found.settings = settings.cleaned_data
    return _page(request, found, _Typed(words, settings), look_back=act == "look_back")


def _page(
    request: TeamRequest, found: Trigger, typed: _Typed, *, look_back: bool = False
) -> HttpResponse:
    now, shop, kind = timezone.now(), request.shop, KINDS[found.kind]
    told = shown(found, shop)
    context: dict[str, Any] = {
        "section": "messages",
        "trigger": found,
        "kind": kind,
        "form": typed.words,
        "settings": typed.settings,
        "wrong": typed.wrong,
        "problem": typed.problem,
        "notices": notices(shop, now),
        "leaves": automatic_queries.leaves(found),
        "next_look": said(found.next_at, now) if found.next_at else "",
        "variables": VARIABLES,
        "told": told,
        "samples": samples(found, told, shop),
        "absences": missing_said(found),
        "mail": mail_sample(found, told, shop),
        "further": further_samples(found, told, shop),
        "sender": sending(Channel.SMS).sender(shop),
        "health": HEALTH if shop.sells_alcohol else "",
        "look_back": automatic_queries.look_back(found, shop, now) if look_back else None,
    }
    status = 422 if typed.wrong else 200
    if request.htmx:
        return render(request, "campaigns/trigger_live.html", context, status=status)
    (context["figures"],) = automatic_queries.figures([found], now - automatic_queries.LATELY)
    context |= trial_views.shown(request, found)
    since, sent = now - automatic_queries.LATELY, context["figures"].sent
    context["effect"] = automatic_queries.effect(found, since, sent)
    context["runs"] = automatic_queries.latest(found)
    return render(request, "campaigns/trigger.html", context, status=status)


@door(Right.WRITE_DROPS)
@require_POST
def act(request: TeamRequest, pk: int, verb: str) -> HttpResponse:
    """On, off, once more, or away."""
    found, by = _trigger(pk), actor(request)
    try:
        if verb == "activer":
            automatic.switch_on(pk, by, request.shop)
            messages.success(request, f"« {found.title} » est actif.")
        elif verb == "arreter":
            automatic.switch_off(pk, by)
            messages.success(request, f"« {found.title} » est arrêté : plus rien ne part.")
        elif verb == "copier":
            return redirect("trigger", automatic.duplicate(found, by).pk)
        else:
            automatic.discard(pk, by)
            messages.success(request, f"« {found.title} » est supprimé.")
            return redirect("triggers")
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("trigger", pk)
    return redirect("triggers") if "liste" in request.POST else redirect("trigger", pk)
