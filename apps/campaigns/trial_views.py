"""A test of what is written, to the mailbox and the phone of who writes it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.accounts.requests import TeamRequest
from apps.campaigns import trials
from apps.campaigns.forms import TrialForm
from apps.campaigns.models import Drop, Trigger
from apps.campaigns.triggers import KINDS
from apps.contacts.channels import by, named
from apps.core.doors import door
from apps.core.phone import show_phone
from apps.core.refusal import Refusal
from apps.core.roles import Right


@door(Right.WRITE_DROPS)
@require_POST
def of_drop(request: TeamRequest, pk: int) -> HttpResponse:
    return _try(request, get_object_or_404(Drop, pk=pk))


@door(Right.WRITE_DROPS)
@require_POST
def of_trigger(request: TeamRequest, pk: int) -> HttpResponse:
    return _try(request, get_object_or_404(Trigger, pk=pk, kind__in=KINDS))


def shown(request: TeamRequest, words: Drop | Trigger, **more: Any) -> dict[str, Any]:
    """What the part of the composer that sends a test is drawn from."""
    typed = show_phone(request.session.get("trial_phone", ""))
    form = TrialForm(initial={"phone": typed}, region=request.shop.region)
    kind = "drop" if isinstance(words, Drop) else "trigger"
    return {
        "trial": form,
        "trial_at": reverse(f"{kind}_trial", args=[words.pk]),
        "trial_of_kept": kind == "trigger",
        **more,
    }


def _try(request: TeamRequest, words: Drop | Trigger) -> HttpResponse:
    form = TrialForm(request.POST, region=request.shop.region)
    if not form.is_valid():
        return _answer(request, words, 422, trial=form)
    phone = form.cleaned_data["phone"]
    try:
        used = trials.send(words, request.shop, request.user, phone)
    except Refusal as refusal:
        form.add_error("phone", str(refusal))
        return _answer(request, words, refusal.status, trial=form)
    by_phone = [channel for channel in used if named(channel).address == "phone"]
    if phone:
        request.session["trial_phone"] = phone.e164
    where = [
        *([f"{show_phone(phone.e164)} {by(by_phone)}"] if phone and by_phone else []),
        *([request.user.email] if len(by_phone) < len(used) else []),
    ]
    return _answer(request, words, trial_sent=" et à ".join(where))


def _answer(
    request: TeamRequest, words: Drop | Trigger, status: int = 200, **more: Any
) -> HttpResponse:
    context = shown(request, words, **more)
    if request.htmx:
        return render(request, "campaigns/trial.html", context, status=status)
    if sent := context.get("trial_sent"):
        messages.success(request, f"Essai envoyé à {sent}.")
    else:
        messages.error(request, " ".join(map(str, context["trial"].errors.get("phone", []))))
    return redirect(context["trial_at"].removesuffix("essai/") + "#essai")
