"""The loyalty programme: its rule, its figures, its poster."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.roles import Right
from apps.loyalty.card_page import columns, holes
from apps.loyalty.forms import ProgrammeForm
from apps.loyalty.models import Programme
from apps.loyalty.programme import set_programme
from apps.loyalty.queries import cards_at, figures, programme_chosen
from apps.loyalty.services import the_programme


def _form(request: TeamRequest, data: Any = None) -> ProgrammeForm:
    # A fresh copy: validating a ModelForm writes into its instance, which the page shows.
    initial = None if programme_chosen() else {"reward": ""}
    form = ProgrammeForm(data, instance=the_programme(), initial=initial)
    if request.shop.sells_alcohol is False:
        del form.fields["reward_is_alcohol"]
    return form


def _preview(form: ProgrammeForm, stored: Programme) -> dict[str, Any]:
    """The card as the form draws it, and in numbers what a lowered goal does to cards."""
    form.full_clean()  # half a form still draws what is right in it
    wanted: dict[str, Any] = getattr(form, "cleaned_data", {})
    goal = wanted.get("goal") or stored.goal
    stamped = min(3, goal - 1)
    return {
        "goal": goal,
        "reward": wanted.get("reward") or stored.reward,
        "holes": holes(goal, stamped),
        "columns": columns(goal),
        "stamped": stamped,
        "left": goal - stamped,
        "touched": cards_at(goal) if goal < stored.goal else 0,
    }


@door(Right.LOYALTY_RULES)
@require_safe
def preview(request: TeamRequest) -> HttpResponse:
    """The card as it would be with what stands in the form now."""
    context = _preview(_form(request, request.GET), the_programme())
    return render(request, "loyalty/programme.html#preview", context)


@door(Right.LOYALTY_RULES)
@require_http_methods(["GET", "HEAD", "POST"])
def programme(request: TeamRequest) -> HttpResponse:
    """Choose or change the rule; a goal that changes cards is saved once its effect was shown."""
    form = _form(request, request.POST if request.method == "POST" else None)
    shown = _preview(form, the_programme())
    valid = form.is_bound and form.is_valid()
    if valid and (not shown["touched"] or form.cleaned_data["agreed_goal"] == shown["goal"]):
        first = not programme_chosen()
        set_programme(by=actor(request), now=timezone.now(), **_rules(form))
        told = _("Le programme est prêt.") if first else _("Le programme est enregistré.")
        messages.success(request, told, extra_tags="good")
        return HttpResponseRedirect(reverse("loyalty"))
    context = {
        "section": "loyalty",
        "form": form,
        "chosen": programme_chosen(),
        "figures": figures(timezone.now()),
        "asked": valid,
        **shown,
    }
    status = 422 if form.is_bound else 200
    return render(request, "loyalty/programme.html", context, status=status)


def _rules(form: ProgrammeForm) -> dict[str, Any]:
    names = (name for name in form.fields if name != "agreed_goal")
    return {name: form.cleaned_data[name] for name in names}
