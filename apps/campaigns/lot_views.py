"""The product of a draft: chosen from the catalogue, priced, photographed."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.requests import TeamRequest, actor
from apps.campaigns import lots
from apps.campaigns.drafts import AlreadyLaunched
from apps.campaigns.lot_forms import LotForm
from apps.campaigns.lot_models import Lot
from apps.campaigns.models import Drop
from apps.campaigns.telling import told_of
from apps.catalog.models import Variant
from apps.catalog.queries import listed, with_variants
from apps.catalog.services.photos import set_photo
from apps.core.doors import door, takes
from apps.core.refusal import Refusal
from apps.core.roles import Right

PAGE = 20
PHOTO_FORM_BYTES = 15_200_000  # a photo of 15 MB and the form around it


def _draft(pk: int) -> Drop:
    found = get_object_or_404(Drop, pk=pk)
    if not found.is_draft:
        raise AlreadyLaunched()
    return found


def _lot(pk: int) -> Lot:
    return get_object_or_404(Lot.objects.select_related("variant__product"), drop=_draft(pk))


def _back(pk: int) -> HttpResponse:
    return redirect(f"/gestion/messages/{pk}/#produit")


@door(Right.WRITE_DROPS)
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: TeamRequest, pk: int) -> HttpResponse:
    """The shelves: which product, in which format."""
    drop = _draft(pk)
    if request.method == "POST":
        number = request.POST.get("variant", "")
        on_sale = Variant.objects.filter(archived_at=None, product__archived_at=None)
        variant = get_object_or_404(on_sale, pk=int(number) if number.isdecimal() else 0)
        lots.choose(pk, variant, timezone.now())
        return _back(pk)
    text = request.GET.get("q", "")[:100]
    page = Paginator(listed(text=text), PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "messages",
        "drop": drop,
        "q": text,
        "page": page,
        "products": with_variants(list(page.object_list)),
    }
    part = "#list" if request.htmx else ""
    return render(request, f"campaigns/lot_choose.html{part}", context)


@door(Right.WRITE_DROPS)
@require_POST
def save(request: TeamRequest, pk: int) -> HttpResponse:
    """Keep what is typed of the product, or be about none (``act=remove``)."""
    if request.POST.get("act") == "remove":
        lots.remove(_draft(pk).pk)
        return _back(pk)
    found, now = _lot(pk), timezone.now()
    form = LotForm(request.POST, instance=found, now=now)
    if form.is_valid():
        lots.save(pk, form.cleaned_data, now)
        if not request.htmx:
            return _back(pk)
    drop = _draft(pk)
    context: dict[str, Any] = {
        "drop": drop,
        "lot_form": form,
        "wrong": bool(form.errors),
        **told_of(drop, request.shop, now),
    }
    if not request.htmx:
        messages.error(request, " ".join(str(e) for one in form.errors.values() for e in one))
        return _back(pk)
    status = 422 if form.errors else 200
    return render(request, "campaigns/lot_live.html", context, status=status)


@takes(PHOTO_FORM_BYTES)
@door(Right.WRITE_DROPS)
@require_http_methods(["GET", "HEAD", "POST"])
def photo(request: TeamRequest, pk: int) -> HttpResponse:
    """A photo of its own instead of the product's; ``GET`` waits for the drawing."""
    found = _lot(pk)
    if request.method != "POST":
        return render(request, "campaigns/lot.html#photo", {"drop": found.drop, "lot": found})
    file = request.FILES.get("photo")
    try:
        if file or "remove" in request.POST:
            set_photo(of=found, file=file, by=actor(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return _back(pk)
