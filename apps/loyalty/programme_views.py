"""The loyalty programme: its rule, its figures, what a change does to the cards."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.loyalty.card_page import Standing
from apps.loyalty.models import Fate, Programme, ProgrammeChange
from apps.loyalty.programme import (
    Effect,
    asks_fate,
    effects,
    last_change,
    set_programme,
    undo_change,
)
from apps.loyalty.programme_forms import ProgrammeForm
from apps.loyalty.queries import figures, programme_chosen
from apps.loyalty.services import the_programme
from apps.shops.opening import read_hours


def _form(request: TeamRequest, stored: Programme, data: Any = None) -> ProgrammeForm:
    return ProgrammeForm(
        data,
        stored=stored,
        chosen=stored.pk is not None,
        alcohol=request.shop.sells_alcohol is not False,
    )


def _preview(form: ProgrammeForm, stored: Programme) -> dict[str, Any]:
    """The card as the form draws it, and in numbers what the change would do to the cards."""
    wanted = stored
    if form.is_bound:
        form.full_clean()  # half a form still draws what is right in it
        wanted = Programme(**form.rules())
    sample = wanted.goal * 6 // 10 if wanted.counts.by_amount else min(3, wanted.goal - 1)
    asks = stored.pk is not None and asks_fate(stored, wanted)
    found = effects(stored, wanted) if asks else []
    return {
        "standing": Standing.of(wanted, sample),
        "wanted": wanted,
        "effects": found if any(effect.cards for effect in found) else [],
        "agreed": f"{wanted.kind}:{wanted.goal}",
        "fate": form.data.get("fate", ""),
    }


@door(Right.LOYALTY_RULES)
@require_safe
def preview(request: TeamRequest) -> HttpResponse:
    """The card as it would be with what stands in the form now."""
    stored = the_programme()
    context = _preview(_form(request, stored, request.GET), stored)
    return render(request, "loyalty/programme.html#preview", context)


@door(Right.LOYALTY_RULES)
@require_http_methods(["GET", "HEAD", "POST"])
def programme(request: TeamRequest) -> HttpResponse:
    """Choose or change the rule; one that changes what balances mean is saved once its effect
    was shown and a fate chosen."""
    stored, now = the_programme(), timezone.now()
    form = _form(request, stored, request.POST if request.method == "POST" else None)
    shown = _preview(form, stored)
    valid = form.is_bound and form.is_valid()
    if valid and (not shown["effects"] or _agreed(form, shown["agreed"], shown["effects"])):
        fate = Fate(form.cleaned_data["fate"] or Fate.KEEP) if shown["effects"] else Fate.KEEP
        set_programme(by=actor(request), now=now, fate=fate, **form.rules())
        told = _("Le programme est enregistré.") if stored.pk else _("Le programme est prêt.")
        messages.success(request, told, extra_tags="good")
        return HttpResponseRedirect(reverse("loyalty"))
    context = {
        "section": "loyalty",
        "form": form,
        "chosen": programme_chosen(),
        "figures": figures(now),
        "change": last_change(now),
        "asked": valid,
        "hours_read": read_hours(request.shop.opening_hours) is not None,
        **shown,
    }
    status = 422 if form.is_bound else 200
    return render(request, "loyalty/programme.html", context, status=status)


def _agreed(form: ProgrammeForm, shown: str, found: list[Effect]) -> bool:
    chosen = form.cleaned_data["fate"] in {effect.fate for effect in found}
    return chosen and form.cleaned_data["agreed"] == shown


@door(Right.LOYALTY_RULES)
@require_POST
def take_back(request: TeamRequest, change_id: int) -> HttpResponse:
    """The rule and the cards as before the change."""
    change = get_object_or_404(ProgrammeChange, pk=change_id)
    try:
        undo_change(change=change, by=actor(request), now=timezone.now())
    except Refusal as refusal:
        messages.error(request, str(refusal), extra_tags="bad")
    else:
        told = _("Le programme et les cartes sont comme avant le changement.")
        messages.success(request, told, extra_tags="good")
    return HttpResponseRedirect(reverse("loyalty"))
