"""The team's doors to the boxes: rounds, what goes in, packing, one box."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.club import box_queries as queries
from apps.club import packing, rounds
from apps.club.box_forms import DaysForm, OpenForm, RuleForm
from apps.club.box_models import Box, Round, Selection
from apps.club.models import ClubPlan
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right

ROUNDS_SHOWN = 12


def _round(pk: int) -> Round:
    return get_object_or_404(Round, pk=pk)


# --- the rounds -----------------------------------------------------------------------------


@door(Right.CLUB)
@require_http_methods(["GET", "HEAD", "POST"])
def box_rounds(request: TeamRequest) -> HttpResponse:
    """Every month, the last first; another one is opened here."""
    now, rule = timezone.now(), rounds.the_rule()
    form = OpenForm(request.POST or None, today=timezone.localdate(now), rule=rule)
    if request.method == "POST" and form.is_valid():
        try:
            made = rounds.open_round(**form.cleaned_data, by=actor(request), now=now)
            return redirect(made)
        except Refusal as refusal:
            form.add_error("month", str(refusal))
    page = Paginator(Round.objects.all(), ROUNDS_SHOWN).get_page(request.GET.get("page"))
    found = list(page.object_list)
    told = queries.tallies(found)
    context = {
        "section": "club",
        "tab": "boxes",
        "page": page,
        "rounds": [(one, told[one.pk]) for one in found],
        "form": form,
        "rule": rule,
        "has_plans": ClubPlan.objects.exists(),
    }
    return render(request, "club/rounds.html", context, status=422 if form.errors else 200)


@door(Right.CLUB)
@require_http_methods(["GET", "HEAD", "POST"])
def box_rule(request: TeamRequest) -> HttpResponse:
    """How often one may skip, and whether rounds open by themselves."""
    form = RuleForm(request.POST or None, instance=rounds.the_rule())
    if request.method == "POST" and form.is_valid():
        rounds.save_rule(form.cleaned_data, by=actor(request), now=timezone.now())
        messages.success(request, "Enregistré.", extra_tags="good")
        return redirect("club_rounds")
    context = {"section": "club", "tab": "boxes", "form": form}
    return render(request, "club/box_rule.html", context, status=422 if form.errors else 200)


# --- one round ------------------------------------------------------------------------------


@door(Right.CLUB)
@require_safe
def box_round(request: TeamRequest, pk: int) -> HttpResponse:
    """How far it is, what it offers, and its boxes by state."""
    return _page(request, _round(pk))


def _page(
    request: TeamRequest, found: Round, *, days: DaysForm | None = None, error: str = ""
) -> HttpResponse:
    shown = request.GET.get("etat", "")
    shown = shown if shown in queries.SHOWN else _first_shown(found)
    text = request.GET.get("q", "").strip()[:60]
    page = Paginator(queries.listed(found, shown, text), queries.PAGE)
    context: dict[str, Any] = {
        "round": found,
        "page": page.get_page(request.GET.get("page")),
        "shown": shown,
        "choices": _choices(found),
        "q": text,
    }
    if request.htmx:
        return render(request, "club/round.html#list", context)
    context |= {
        "section": "club",
        "tab": "boxes",
        "tally": queries.tally(found),
        "offers": _offers(found),
        "days": days or DaysForm(instance=found),
        "error": error,
        "short": queries.short(found).count(),
    }
    status = 422 if error or (days and days.errors) else 200
    return render(request, "club/round.html", context, status=status)


def _first_shown(found: Round) -> str:
    """What there is to do; of a round that is done, what has left."""
    return "a-preparer" if found.is_open else "parties"


def _choices(found: Round) -> list[tuple[str, str]]:
    return [(key, label) for key, (label, _which) in queries.SHOWN.items()]


def _offers(found: Round) -> list[tuple[ClubPlan, Selection | None]]:
    """Each plan with what it offers in this round; two queries and one for the bottles."""
    selections = found.selections.prefetch_related("offers__variant__product")
    by_plan = {selection.plan_id: selection for selection in selections}
    plans = ClubPlan.objects.order_by("name", "pk")
    return [(one, by_plan.get(one.pk)) for one in plans if one.is_open or one.pk in by_plan]


@door(Right.CLUB)
@require_POST
def box_round_act(request: TeamRequest, pk: int) -> HttpResponse:
    """Its days, its choices closed, or all of it."""
    found, by, now = _round(pk), actor(request), timezone.now()
    act, days = request.POST.get("act", ""), None
    try:
        if act == "choices":
            rounds.close_choices(found.pk, by=by, now=now)
            told = "Les choix sont clos : le reste est votre choix, chaque box se remplit."
        elif act == "close":
            rounds.close(found.pk, by=by, now=now)
            told = "Ces box sont closes."
        else:
            days = DaysForm(request.POST, instance=_round(pk))
            if not days.is_valid():
                return _page(request, found, days=days)
            rounds.change_days(found.pk, **days.cleaned_data, by=by, now=now)
            told = "Les dates sont changées."
    except Refusal as refusal:
        return _page(request, found, error=str(refusal))
    messages.success(request, told, extra_tags="good")
    return redirect(found)


@door(Right.CLUB)
@require_safe
def box_preparation(request: TeamRequest, pk: int) -> HttpResponse:
    """What to fetch from the shelves; to be printed."""
    found = _round(pk)
    shelves = queries.preparation(found)
    context = {
        "section": "club",
        "round": found,
        "shelves": shelves,
        "units": sum(shelf.units for shelf in shelves),
        "tally": queries.tally(found),
        "short": queries.with_content(queries.short(found)).order_by("pk"),
        "now": timezone.now(),
    }
    return render(request, "club/preparation.html", context)


# --- packing --------------------------------------------------------------------------------


@door(Right.CLUB)
@require_POST
def box_pack(request: TeamRequest, pk: int) -> HttpResponse:
    """A tick: packed, or with ``act=back`` not after all. The row and the count follow."""
    error, by, now = "", actor(request), timezone.now()
    owner = get_object_or_404(Box.objects.select_related("round"), pk=pk)
    act = packing.unpack if request.POST.get("act") == "back" else packing.pack
    try:
        act(pk, by=by, now=now)
    except Refusal as refusal:
        error = str(refusal)
    if request.htmx:
        context = {"box": _one(pk), "error": error, "tally": queries.tally(owner.round)}
        context |= {"round": owner.round, "oob": True}
        return render(request, "club/row.html", context, status=409 if error else 200)
    if error:
        messages.error(request, error)
    if "fiche" in request.POST:
        return redirect("club_box", pk)
    shown = request.POST.get("etat", "")
    return redirect(f"{owner.round.get_absolute_url()}?etat={shown}#boxes")


def _one(pk: int) -> Box:
    found: QuerySet[Box] = queries.with_content(Box.objects.filter(pk=pk))
    return get_object_or_404(found)
