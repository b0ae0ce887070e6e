"""The catalogue: what is sold, at what price, how many are left."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.catalog.details import DETAILS, shown, usual_kind, usual_vat
from apps.catalog.exporting import csv_of_products
from apps.catalog.forms import CatalogueFilter, ProductForm, StockForm, VariantForm, VariantTable
from apps.catalog.models import MoveCause, Product, Variant
from apps.catalog.queries import kinds_sold, listed, stock_story, with_variants
from apps.catalog.services.photos import set_photo
from apps.catalog.services.products import (
    NothingToSell,
    VariantTwice,
    archive_product,
    lowest_prices,
    restore_product,
    save_product,
)
from apps.catalog.services.stock import count_stock, move_stock
from apps.core.doors import door, takes
from apps.core.refusal import Refusal
from apps.core.roles import Right

PAGE = 50
PHOTO_FORM_BYTES = 15_200_000  # a photo of 15 MB and the form around it


@door(Right.CATALOGUE)
@require_safe
def catalogue(request: TeamRequest) -> HttpResponse:
    """The list: search as one types, filters, pages."""
    filters = CatalogueFilter(request.GET, kinds=kinds_sold())
    found = listed(
        text=filters.said("q"),
        kind=filters.said("kind"),
        stock=filters.said("stock"),
        archived=filters.said("shelf") == "archived",
    )
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "catalogue",
        "filters": filters,
        "page": page,
        "products": with_variants(list(page.object_list)),
        "total": page.paginator.count,
        "nothing": not page.paginator.count and not Product.objects.exists(),
    }
    part = "#list" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"catalog/catalogue.html{part}", context)


@door(Right.CATALOGUE)
@require_safe
def export(request: TeamRequest) -> StreamingHttpResponse:
    """Every format on sale, for a spreadsheet or for an import elsewhere."""
    name = f"produits-{request.shop.slug}-{timezone.localdate().isoformat()}.csv"
    return StreamingHttpResponse(
        csv_of_products(request.shop.schema_name),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# --- writing one ---------------------------------------------------------------------------


def _kind_asked(request: TeamRequest, product: Product | None) -> str:
    given = request.POST.get("kind") or request.GET.get("kind")
    if given in DETAILS:
        return str(given)
    return product.kind if product else usual_kind(request.shop.trade)


def _first_lines(product: Product | None) -> list[dict[str, Any]]:
    if product is None:
        return [{"is_counted": True}]
    standing = product.variants.filter(archived_at=None)
    return [VariantForm.initial_of(variant) for variant in standing]


@door(Right.CATALOGUE)
@require_http_methods(["GET", "HEAD", "POST"])
def product_form(request: TeamRequest, pk: int | None = None) -> HttpResponse:
    """A new product, or one that is changed. ``more`` asks for one more line of formats."""
    product = get_object_or_404(Product, pk=pk) if pk else None
    kind = _kind_asked(request, product)
    initial = ProductForm.initial_of(product) if product else {"kind": kind, "vat": usual_vat(kind)}
    sent = request.POST or None
    form = ProductForm(sent, initial=initial, kind=kind)
    table = VariantTable(sent, initial=_first_lines(product), prefix="v")
    again = sent is not None and bool(sent.keys() & {"more", "other_kind"})
    if sent is not None and not again and form.is_valid() and table.is_valid():
        try:
            words = form.words(table.words())
            saved = save_product(words, by=actor(request), now=timezone.now(), product=product)
        except (VariantTwice, NothingToSell) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Le produit est enregistré.", extra_tags="good")
            return redirect("product", saved.pk)
    if again:
        form, table = _asked_again(request, kind, "more" in request.POST)
    context = {"section": "catalogue", "form": form, "table": table, "product": product}
    wrong = sent is not None and not again
    return render(request, "catalog/form.html", context, status=422 if wrong else 200)


def _asked_again(request: TeamRequest, kind: str, one_more: bool) -> tuple[ProductForm, Any]:
    """What was typed, unjudged: with another kind's details, or one more line."""
    typed = request.POST.dict()
    table = VariantTable(request.POST, prefix="v")
    lines = [
        {name: typed.get(f"v-{turn}-{name}", "") for name in VariantForm.base_fields}
        for turn in range(table.total_form_count())
    ]
    fresh = [{"is_counted": True}] if one_more else []
    form = ProductForm(initial={**typed, "kind": kind}, kind=kind)
    table = VariantTable(initial=[*lines, *fresh], prefix="v")
    if one_more:
        table.forms[-1].fields["label"].widget.attrs["autofocus"] = True
    return form, table


# --- one product ----------------------------------------------------------------------------


def _page_of(product: Product, **more: Any) -> dict[str, Any]:
    variants = list(product.variants.filter(archived_at=None))
    lowest = lowest_prices(variants, timezone.now())
    forms = {variant.pk: StockForm() for variant in variants} | more.pop("forms", {})
    return {
        "section": "catalogue",
        "product": product,
        "facts": shown(product.kind, product.facts),
        "variants": [(one, lowest.get(one.pk), forms[one.pk]) for one in variants],
        "story": stock_story(product),
        **more,
    }


@door(Right.CATALOGUE)
@require_safe
def product(request: TeamRequest, pk: int) -> HttpResponse:
    """One product: its formats, their stock, and what happened to it."""
    return render(request, "catalog/product.html", _page_of(get_object_or_404(Product, pk=pk)))


@door(Right.CATALOGUE)
@require_POST
def stock(request: TeamRequest, pk: int) -> HttpResponse:
    """Move the stock of one variant; sent twice, it moves once."""
    variant = get_object_or_404(Variant.objects.select_related("product"), pk=pk)
    form = StockForm(request.POST)
    if not form.is_valid():
        more = {"forms": {variant.pk: form}, "wrong": variant.pk, "sentence": form.sentence}
        context = _page_of(variant.product, **more)
        return render(request, "catalog/product.html", context, status=422)
    told = form.cleaned_data
    gesture = {
        "variant": variant,
        "token": told["token"],
        "by": actor(request),
        "now": timezone.now(),
    }
    if told["cause"] == MoveCause.COUNT:
        count_stock(counted=told["units"], **gesture)
    else:
        units = -told["units"] if told["cause"] == MoveCause.LOSS else told["units"]
        move_stock(units=units, cause=MoveCause(told["cause"]), **gesture)
    messages.success(request, "Le stock est à jour.", extra_tags="good")
    return HttpResponseRedirect(variant.product.get_absolute_url())


@door(Right.CATALOGUE)
@require_POST
def shelve(request: TeamRequest, pk: int) -> HttpResponse:
    """Put a product away, or take it back."""
    found = get_object_or_404(Product, pk=pk)
    if found.archived_at is None:
        archive_product(product=found, by=actor(request), now=timezone.now())
        messages.success(request, "Le produit est retiré du catalogue.", extra_tags="good")
    else:
        restore_product(product=found, by=actor(request))
        messages.success(request, "Le produit est de nouveau en vente.", extra_tags="good")
    return redirect("product", found.pk)


@takes(PHOTO_FORM_BYTES)
@door(Right.CATALOGUE)
@require_http_methods(["GET", "HEAD", "POST"])
def photo(request: TeamRequest, pk: int) -> HttpResponse:
    """Send a photo or take it off; ``GET`` is the part of the page that waits for the drawing."""
    found = get_object_or_404(Product, pk=pk)
    if request.method != "POST":
        return render(request, "catalog/product.html#photo", {"product": found})
    file = request.FILES.get("photo")
    sentence, status = "", 422
    if file is None and "remove" not in request.POST:
        sentence = "Choisissez une photo."
    try:
        if not sentence:
            set_photo(of=found, file=file, by=actor(request))
    except Refusal as refusal:
        sentence, status = str(refusal), refusal.status
    if sentence:
        context = _page_of(found, photo_error=sentence)
        return render(request, "catalog/product.html", context, status=status)
    return redirect("product", found.pk)
