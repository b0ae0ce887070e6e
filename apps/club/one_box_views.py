"""One box: its page at the desk, its handover at the counter, the labels of its round."""

from uuid import uuid4

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.catalog.models import Variant
from apps.club import box_queries as queries
from apps.club import boxes, labels, packing
from apps.club.box_forms import ParcelForm, bottles
from apps.club.box_models import Box, BoxState, Round
from apps.club.carriers import CARRIERS
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.loyalty.forms import RedeemForm
from apps.loyalty.queries import counter_name


def _box(pk: int) -> Box:
    return get_object_or_404(queries.with_content(Box.objects.filter(pk=pk)))


# --- at the desk ----------------------------------------------------------------------------


@door(Right.CLUB)
@require_http_methods(["GET", "HEAD", "POST"])
def box(request: TeamRequest, pk: int) -> HttpResponse:
    """What is in it, where it goes, what became of it; and what the team may still change."""
    found = _box(pk)
    if request.method != "POST":
        return _page(request, found)
    parcel = ParcelForm(request.POST) if request.POST.get("act") == "ship" else None
    if parcel and not parcel.is_valid():
        return _page(request, found, parcel=parcel)
    try:
        told = _act(request, found, parcel)
    except Refusal as refusal:
        return _page(request, _box(pk), error=str(refusal), status=refusal.status)
    messages.success(request, told, extra_tags="good")
    return redirect("club_box", pk)


def _act(request: TeamRequest, found: Box, parcel: ParcelForm | None) -> str:
    act, by, now = request.POST.get("act", ""), actor(request), timezone.now()
    if parcel:
        packing.ship(found.pk, **parcel.cleaned_data, by=by, now=now)
        return "C’est expédié."
    if act == "skip":
        boxes.skip(found.pk, by=by, now=now)
        return "Cette box est reportée à la suivante."
    if act == "again":
        boxes.take_again(found.pk, by=by, now=now)
        return "Cette box aura bien lieu."
    if act == "shop":
        boxes.leave_to_shop(found.pk, by=by, now=now)
        return "La box est composée selon votre choix du mois."
    if act == "back":
        packing.take_back(found.pk, by=by, now=now)
        return "C’est annulé : la box est de nouveau prête."
    boxes.choose(found.pk, dict(bottles(request.POST)), by=by, now=now)
    return "La box est changée."


def _page(
    request: TeamRequest,
    found: Box,
    *,
    parcel: ParcelForm | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    kept = {"carrier": found.carrier, "tracking": found.tracking}
    carrier = CARRIERS.get(found.carrier)
    context = {
        "section": "club",
        "box": found,
        "person": found.member.person,
        "offered": _offered(found) if found.state == BoxState.OPEN else [],
        "story": queries.story(found),
        "parcel": parcel or ParcelForm(initial=kept if carrier else None),
        "follow": carrier.link(found.tracking) if carrier else "",
        "carrier": carrier,
        "may_undo_skip": found.skipped_at and boxes.choosing(found.round, timezone.now()),
        "error": error,
    }
    status = 422 if parcel and parcel.errors else status
    return render(request, "club/box.html", context, status=status)


def _offered(found: Box) -> list[tuple[Variant, int]]:
    """What may go into it, with how many of each are in."""
    inside = {line.variant_id: line.units for line in found.lines.all()}
    order = [one.variant_id for one in boxes.offered_for(found)]
    keys = [*order, *(pk for pk in inside if pk not in order)]
    variants = Variant.objects.select_related("product").in_bulk(keys)
    return [(variants[pk], inside.get(pk, 0)) for pk in keys]


# --- at the counter -------------------------------------------------------------------------


@door(Right.COUNTER)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def hand_over(request: TeamRequest, pk: int) -> HttpResponse:
    """Handed over against a proof of age, or taken back."""
    found = _box(pk)
    if request.method != "POST":
        return _counter_page(request, found)
    by, now = actor(request), timezone.now()
    try:
        if request.POST.get("act") == "back":
            packing.take_back(pk, by=by, now=now)
            told = "Remise annulée : la box attend de nouveau."
        else:
            form = RedeemForm(request.POST)
            if not form.is_valid():
                return _counter_page(request, found, error=form.sentence, status=422)
            gesture, seen = form.cleaned_data["token"], form.cleaned_data["id_checked"]
            packing.hand_over(pk, gesture=gesture, id_checked=seen, by=by, now=now)
            told = "La box est remise."
    except Refusal as refusal:
        return _counter_page(request, _box(pk), error=str(refusal), status=refusal.status)
    messages.success(request, told, extra_tags="good")
    return redirect("counter-box", pk)


def _counter_page(
    request: TeamRequest, found: Box, *, error: str = "", status: int = 200
) -> HttpResponse:
    person = found.member.person
    context = {
        "box": found,
        "name": counter_name(person),
        "card": getattr(person, "card", None),
        "alcohol": any(line.variant.product.is_alcohol for line in found.lines.all()),
        "token": uuid4(),
        "error": error,
    }
    return render(request, "club/counter/box.html", context, status=status)


# --- labels ---------------------------------------------------------------------------------


@door(Right.CLUB)
@require_safe
def box_labels(request: TeamRequest, pk: int) -> HttpResponse:
    """Asked for, and followed until they are drawn."""
    one = get_object_or_404(Round, pk=pk)
    said = labels.words(one)
    ready = labels.ask(one, said, again=not request.htmx)
    context = {"section": "club", "round": one, "ready": ready, "many": len(said["labels"])}
    part = "#labels" if request.htmx else ""
    return render(request, f"club/labels.html{part}", context)


@door(Right.CLUB)
@require_safe
def box_labels_file(request: TeamRequest, pk: int) -> HttpResponseBase:
    one = get_object_or_404(Round, pk=pk)
    if not one.labels or not default_storage.exists(one.labels):
        return redirect("club_labels", pk)
    return FileResponse(
        default_storage.open(one.labels),
        filename=f"etiquettes-{one.month:%Y-%m}.pdf",
        content_type="application/pdf",
        headers={"Cache-Control": "private, no-store"},
    )
