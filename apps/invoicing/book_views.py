"""The team's doors to the books: a year's balance, the accountant's file, sales day by day."""

import zipfile
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from tempfile import TemporaryFile
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audit.services import record
from apps.core.container import BLOCK
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.core.tenancy import in_schema
from apps.invoicing import daily
from apps.invoicing.book_forms import AccountsForm
from apps.invoicing.bookkeeping import current
from apps.invoicing.books import Books, Year, balances, describe, fec, file_name
from apps.invoicing.models import Record
from apps.invoicing.push_queries import tally
from apps.invoicing.services import change_terms, the_terms
from apps.invoicing.targets import TARGETS
from apps.shops.models import Shop


def _years(ends: int) -> list[Year]:
    """Those in which something was recorded, the latest first."""
    days = Record.objects.order_by("on").values_list("on", flat=True)
    first, last = days.first(), days.last()
    if not (first and last):
        return []
    found = range(Year.of(last, ends).year, Year.of(first, ends).year - 1, -1)
    return [Year(year, ends) for year in found]


@door(Right.INVOICES)
@require_http_methods(["GET", "HEAD", "POST"])
def books(request: TeamRequest) -> HttpResponse | StreamingHttpResponse:
    """The balance of a year, account by account; posted to, its file once every check passed."""
    terms, asked = the_terms(), request.POST.get("annee") or request.GET.get("annee", "")
    years = _years(terms.year_ends)
    year = next((one for one in years if str(one.year) == asked), next(iter(years), None))
    context: dict[str, Any] = {"section": "invoices", "tab": "books"}
    context |= {"years": years, "year": year}
    if keeper := current():
        context |= {"keeper": keeper, "target": TARGETS[keeper.target], "tally": tally(keeper)}
    try:
        told = balances(Books(year.since, year.until, terms.accounts)) if year else []
        context["balances"] = told
    except Refusal as refusal:
        context["sentence"] = str(refusal)
        return render(request, "invoicing/books.html", context, status=refusal.status)
    if request.method != "POST" or not (told and year):
        context["debit"] = sum(one.debit for one in told)
        context["credit"] = sum(one.credit for one in told)
        return render(request, "invoicing/books.html", context)
    record(actor(request), "books.exported", "shop", request.shop.pk, after={"year": str(year)})
    name = file_name(request.shop.siren, year.until)
    return StreamingHttpResponse(
        _zipped(request.shop, year, name),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.zip"',
            "Cache-Control": "no-store",
        },
    )


def _zipped(shop: Shop, year: Year, name: str) -> Iterator[bytes]:
    """The file and its description, once both stand whole."""
    with in_schema(shop.schema_name), timezone.override(shop.zone), TemporaryFile() as kept:
        chosen = the_terms().accounts
        with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
            with made.open(f"{name}.txt", "w", force_zip64=True) as member:
                for line in fec(Books(year.since, year.until, chosen)):
                    member.write(line)
            made.writestr(f"{name}-description.txt", describe(shop, f"{name}.txt", chosen))
        kept.seek(0)
        while block := kept.read(BLOCK):
            yield block


@door(Right.INVOICES)
@require_http_methods(["GET", "HEAD", "POST"])
def accounts(request: TeamRequest) -> HttpResponse:
    """The closing month, accounts and journals that the shop's accountant wants."""
    terms = the_terms()
    initial = {**terms.accounts, "year_ends": terms.year_ends}
    form = AccountsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        told = {"accounts": form.chosen, "year_ends": form.last_month}
        change_terms(told, by=actor(request))
        messages.success(request, "C’est enregistré.", extra_tags="good")
        return redirect("books")
    context = {"section": "invoices", "tab": "books", "form": form}
    status = 422 if request.method == "POST" else 200
    return render(request, "invoicing/accounts.html", context, status=status)


@door(Right.INVOICES)
@require_safe
def daily_sales(request: TeamRequest) -> HttpResponse:
    """What private customers bought in a month, day by day and rate by rate."""
    known, asked = daily.months(), request.GET.get("mois", "")
    month = next((one for one in known if f"{one:%Y-%m}" == asked), known[0] if known else None)
    lines = daily.sold_in(month) if month else []
    context = {
        "section": "invoices",
        "tab": "daily",
        "months": known,
        "month": month,
        "days": [(day, list(of)) for day, of in groupby(lines, key=lambda one: one.on)],
        "rates": daily.by_rate(lines),
        "total": sum(line.total_cents for line in lines),
    }
    return render(request, "invoicing/daily.html", context)


@door(Right.INVOICES)
@require_safe
def daily_csv(request: TeamRequest, year: int, month: int) -> StreamingHttpResponse:
    """The same for a spreadsheet, or for who reports it."""
    if not (1 <= month <= 12 and 2000 <= year <= 9999):
        raise Http404
    first = date(year, month, 1)
    return StreamingHttpResponse(
        daily.as_csv(first),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="ventes-{first:%Y-%m}.csv"',
            "Cache-Control": "no-store",
        },
    )
