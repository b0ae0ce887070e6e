"""Segments: put together on screen, counted as one goes, kept under a name."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audience.builder import Builder
from apps.audience.criteria import Criteria, describe, people
from apps.audience.models import Segment
from apps.audience.queries import glimpse
from apps.audience.services import delete_segment, duplicate_segment, keep_segment
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right

# Where a first one may start from: its name, what it is for, and the address that fills it in.
IDEAS = (
    ("Habitués absents", "Ils venaient, on ne les voit plus.", "unseen=45&seen=180&visits=3"),
    ("En retard sur leur rythme", "Absents deux fois plus que d’habitude.", "rhythm=2"),
    ("Récompense à prendre", "Ils l’ont gagnée, dites-le-leur.", "ready=1"),
    ("Anniversaires de la semaine", "Un mot, un geste.", "birthday=7"),
    ("Meilleurs clients", "Ils font vivre la boutique.", "spent=500&spent_within=365"),
    ("Nouveaux du mois", "Souhaitez-leur la bienvenue.", "new=30"),
)


@door(Right.SEE_CONTACTS)
@require_safe
def segments(request: TeamRequest) -> HttpResponse:
    """All of them, each with its sentence; the counts come by themselves."""
    found = [(one, describe(Criteria.read(one.criteria))) for one in Segment.objects.all()]
    taken = {one.name for one, _sentence in found}
    ideas = [idea for idea in IDEAS if idea[0] not in taken]
    context = {"section": "contacts", "segments": found, "ideas": ideas}
    return render(request, "audience/segments.html", context)


@door(Right.SEE_CONTACTS)
@require_safe
def segment_count(request: TeamRequest, pk: int) -> HttpResponse:
    """How many people it names now."""
    found = get_object_or_404(Segment, pk=pk)
    context = {"count": people(Criteria.read(found.criteria)).count()}
    return render(request, "audience/segments.html#count", context)


@door(Right.SEE_CONTACTS)
@require_http_methods(["GET", "HEAD", "POST"])
def segment_new(request: TeamRequest) -> HttpResponse:
    """An empty one, or as the address says."""
    if request.method == "POST":
        return _posted(request, None)
    name = request.GET.get("nom", "")[:60]
    return _shown(request, Builder.of(Criteria.asked(request.GET)), name)


@door(Right.SEE_CONTACTS)
@require_http_methods(["GET", "HEAD", "POST"])
def segment(request: TeamRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Segment, pk=pk)
    if request.method == "POST":
        return _posted(request, found)
    return _shown(request, Builder.of(Criteria.read(found.criteria)), found.name, found)


def _posted(request: TeamRequest, found: Segment | None) -> HttpResponse:
    builder, name = Builder.typed(request.POST), request.POST.get("name", "")
    if request.POST.get("act") != "save":
        return _shown(request, builder, name, found)
    criteria, error = builder.read(), ""
    if criteria is not None:
        try:
            kept = keep_segment(name, criteria, actor(request), found.pk if found else None)
        except Refusal as refusal:
            error = str(refusal)
        else:
            messages.success(request, f"« {kept.name} » est enregistré.")
            return redirect("segments")
    return _shown(request, builder, name, found, error=error, status=422)


def _shown(
    request: TeamRequest,
    builder: Builder,
    name: str,
    found: Segment | None = None,
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {"segment": found, "name": name, "error": error}
    return builder_page(request, builder, "audience/segment.html", context, status)


def builder_page(
    request: TeamRequest,
    builder: Builder,
    page: str,
    more: Mapping[str, object],
    status: int = 200,
) -> HttpResponse:
    """``page`` around the builder; only what changed for htmx."""
    criteria = builder.read()
    context = {
        "section": "contacts",
        **more,
        "builder": builder,
        "glimpse": glimpse(criteria, timezone.now()) if criteria is not None else None,
    }
    if request.htmx and not request.htmx.history_restore_request:
        page = "audience/builder.html" if builder.changed else "audience/builder_result.html"
    return render(request, page, context, status=status)


@door(Right.SEE_CONTACTS)
@require_POST
def segment_copy(request: TeamRequest, pk: int) -> HttpResponse:
    copy = duplicate_segment(get_object_or_404(Segment, pk=pk), actor(request))
    return redirect("segment", copy.pk)


@door(Right.SEE_CONTACTS)
@require_POST
def segment_delete(request: TeamRequest, pk: int) -> HttpResponse:
    get_object_or_404(Segment, pk=pk)
    try:
        gone = delete_segment(pk, actor(request))
    except Refusal as refusal:
        messages.error(request, str(refusal), extra_tags="bad")
    else:
        messages.success(request, f"« {gone.name} » est supprimé.")
    return redirect("segments")
