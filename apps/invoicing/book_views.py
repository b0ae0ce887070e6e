"""The team's doors to the books: a year's balance, the accountant's file, sales day by day."""

import zipfile
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from tempfile import TemporaryFile

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
from apps.invoicing.books import Books, balances, describe, fec, file_name
from apps.invoicing.models import Record
from apps.invoicing.push_queries import tally
from apps.invoicing.services import change_terms, the_terms
from apps.invoicing.targets import TARGETS
from apps.shops.models import Shop


def _years() -> list[int]:
    """Those in which something was recorded, the latest first."""
    days = Record.objects.order_by("on").values_list("on", flat=True)
    first, last = days.first(), days.last()
    return list(range(last.year, first.year - 1, -1)) if first and last else []


def _books(year: int) -> Books:
    return Books(date(year, 1, 1), date(year, 12, 31), the_terms().accounts)


@door(Right.INVOICES)
@require_http_methods(["GET", "HEAD", "POST"])
def books(request: TeamRequest) -> HttpResponse | StreamingHttpResponse:
    """The balance of a year, account by account; posted to, its file once every check passed."""
    years, asked = _years(), request.POST.get("annee") or request.GET.get("annee", "")
    year = int(asked) if asked.isdecimal() and int(asked) in years else (years or [0])[0]
    context = {"section": "invoices", "tab": "books", "years": years, "year": year}
    if keeper := current():
        context |= {"keeper": keeper, "target": TARGETS[keeper.target], "tally": tally(keeper)}
    try:
        context["balances"] = told = balances(_books(year)) if year else []
    except Refusal as refusal:
        context["sentence"] = str(refusal)
        return render(request, "invoicing/books.html", context, status=refusal.status)
    if request.method != "POST" or not told:
        context["debit"] = sum(one.debit for one in told)
        context["credit"] = sum(one.credit for one in told)
        return render(request, "invoicing/books.html", context)
    record(actor(request), "books.exported", "shop", request.shop.pk, after={"year": year})
    name = file_name(request.shop.siren, date(year, 12, 31))
    return StreamingHttpResponse(
        _zipped(request.shop, year, name),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.zip"',
            "Cache-Control": "no-store",
        },
    )


def _zipped(shop: Shop, year: int, name: str) -> Iterator[bytes]:
    """The file and its description, once both stand whole."""
    with in_schema(shop.schema_name), timezone.override(shop.zone), TemporaryFile() as kept:
        with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
            with made.open(f"{name}.txt", "w", force_zip64=True) as member:
                for line in fec(_books(year)):
                    member.write(line)
            made.writestr(
                f"{name}-description.txt", describe(shop, f"{name}.txt", the_terms().accounts)
            )
        kept.seek(0)
        while block := kept.read(BLOCK):
            yield block


@door(Right.INVOICES)
@require_http_methods(["GET", "HEAD", "POST"])
def accounts(request: TeamRequest) -> HttpResponse:
    """The accounts and journals that the shop's accountant wants."""
    form = AccountsForm(request.POST or None, initial=the_terms().accounts)
    if request.method == "POST" and form.is_valid():
        change_terms({"accounts": form.chosen}, by=actor(request))
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
