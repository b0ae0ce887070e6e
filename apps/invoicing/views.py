"""The team's doors to invoices: the list, one of them, its payments and credit notes."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audit.services import record
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.invoicing import day_sheet, sending
from apps.invoicing.archiving import archive, file_name
from apps.invoicing.forms import BillFilter, CreditForm, PaymentForm, SendForm, TermsForm
from apps.invoicing.models import Closure, Draft, Invoice, Method, PaperState, Payment, Type
from apps.invoicing.queries import closures as all_closures
from apps.invoicing.queries import figures, listed, purchases_to_invoice, state_of
from apps.invoicing.services import (
    ask_for_paper,
    change_terms,
    credit,
    credited_quantities,
    pay,
    reverse,
    the_terms,
)

PAGE, CLOSURES_A_PAGE = 50, 40


@door(Right.INVOICES)
@require_safe
def invoices(request: TeamRequest) -> HttpResponse:
    """The list: drafts above, then what was issued, searched as one types."""
    today, filters = timezone.localdate(), BillFilter(request.GET)
    found = listed(filters.said("q"), filters.said("state"), today)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    drafts = list(Draft.objects.order_by("-changed_at")[:20])
    context = {
        "section": "invoices",
        "tab": "invoices",
        "filters": filters,
        "page": page,
        "rows": [(one, state_of(one, today)) for one in page],
        "total": page.paginator.count,
        "drafts": drafts,
        "figures": figures(today),
        "nothing": not page.paginator.count and not filters.active and not drafts,
    }
    part = "#list" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"invoicing/invoices.html{part}", context)


@door(Right.INVOICES)
@require_safe
def purchases(request: TeamRequest) -> HttpResponse:
    """What was bought, to be put on an invoice in one tap."""
    text = request.GET.get("q", "")[:100]
    page = Paginator(purchases_to_invoice(text), PAGE).get_page(request.GET.get("page"))
    context = {"section": "invoices", "tab": "purchases", "page": page, "text": text}
    return render(request, "invoicing/purchases.html", context)


# --- one invoice -----------------------------------------------------------------------------


def _page_of(number: str, **more: Any) -> dict[str, Any]:
    found = get_object_or_404(
        Invoice.objects.with_balance().select_related(
            "record", "corrects", "paper", "contact__merged_into"
        ),
        number=number,
    )
    owed = found.owed
    lines = found.payments.select_related("reverses", "reversal").order_by("-record_id")
    return {
        "section": "invoices",
        "invoice": found,
        "document": found.record.facts,
        "state": state_of(found, timezone.localdate()),
        "payments": lines,
        "corrections": found.corrections.order_by("record_id"),
        "giving_back": owed < 0,
        "left_cents": abs(owed),
        "form": PaymentForm(owed=owed),
        "sendings": (sendings := list(sending.sent(found))),
        "send_form": SendForm(
            initial={"token": uuid4(), "to": sending.address_of(found, sendings)}
        ),
        **more,
    }


@door(Right.INVOICES)
@require_safe
def invoice(request: TeamRequest, number: str) -> HttpResponse:
    """One invoice as it was issued, and what happened to it since; the part of the page that waits
    for its file asks for itself."""
    part = "#paper" if request.htmx else ""
    return render(request, f"invoicing/invoice.html{part}", _page_of(number))


@door(Right.INVOICES)
@require_http_methods(["GET", "HEAD", "POST"])
def file(request: TeamRequest, number: str) -> HttpResponseBase:
    """The PDF that every check has passed; posted to, one that was refused is made again."""
    found = get_object_or_404(Invoice.objects.select_related("paper"), number=number)
    if request.method == "POST":
        ask_for_paper(found)
    if request.method == "POST" or found.paper.state != PaperState.READY:
        return redirect(found)
    stored = default_storage.open(found.paper.file)
    named = f"{found.number}-{request.shop.slug}.pdf"
    headers = {"Cache-Control": "private, no-store"}
    return FileResponse(stored, filename=named, content_type="application/pdf", headers=headers)


@door(Right.INVOICES)
@require_POST
def send_by_mail(request: TeamRequest, number: str) -> HttpResponse:
    """The invoice leaves with its PDF, the first time or once more."""
    context = _page_of(number)
    form = SendForm(request.POST)
    if form.is_valid():
        try:
            sending.send(context["invoice"], by=actor(request), **form.cleaned_data)
        except Refusal as refusal:
            form.add_error("to", str(refusal))
        else:
            said = f"{number} part à {form.cleaned_data['to']}."
            messages.success(request, said, extra_tags="good")
            return redirect(context["invoice"])
    return render(request, "invoicing/invoice.html", {**context, "send_form": form}, status=422)


@door(Right.INVOICES)
@require_POST
def payment(request: TeamRequest, number: str) -> HttpResponse:
    """Note what was paid, or given back where too much was; sent twice, it counts once."""
    context = _page_of(number)
    found, gives_back = context["invoice"], context["giving_back"]
    form = PaymentForm(request.POST, owed=found.owed)
    if form.is_valid():
        told = form.cleaned_data
        cents = -told["amount"] if gives_back else told["amount"]
        method = Method(told["method"])
        gesture = {"token": told["token"], "by": actor(request), "now": timezone.now()}
        try:
            pay(found, cents, method=method, paid_on=told["paid_on"], **gesture)
        except Refusal as refusal:
            form.add_error("amount", str(refusal))
        else:
            said = "Le remboursement est noté." if gives_back else "Le paiement est noté."
            messages.success(request, said, extra_tags="good")
            return redirect(found)
    return render(request, "invoicing/invoice.html", {**context, "form": form}, status=422)


@door(Right.INVOICES)
@require_POST
def payment_reverse(request: TeamRequest, pk: int) -> HttpResponse:
    """Take back a payment that was noted by mistake."""
    found = get_object_or_404(Payment.objects.select_related("invoice"), pk=pk)
    try:
        reverse(found, by=actor(request), now=timezone.now())
    except Refusal as refusal:
        messages.error(request, str(refusal), extra_tags="bad")
    else:
        messages.success(request, "Le paiement est repris, par une ligne contraire.")
    return redirect(found.invoice)


@door(Right.INVOICES)
@require_http_methods(["GET", "HEAD", "POST"])
def credit_note(request: TeamRequest, number: str) -> HttpResponse:
    """Choose what a credit note takes back: all of it, or some."""
    found = get_object_or_404(
        Invoice.objects.select_related("record"), number=number, type=Type.INVOICE
    )
    form = CreditForm(found, credited_quantities(found), request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        gesture = {"token": told["token"], "by": actor(request), "now": timezone.now()}
        try:
            note = credit(found, form.quantities, reason=told["reason"], **gesture)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"L’avoir {note.number} est émis.", extra_tags="good")
            return redirect(note)
    context = {"section": "invoices", "invoice": found, "form": form}
    status = 422 if request.method == "POST" else 200
    return render(request, "invoicing/credit.html", context, status=status)


# --- closures and settings -------------------------------------------------------------------


@door(Right.INVOICES)
@require_safe
def closures(request: TeamRequest) -> HttpResponse:
    """Each day, month and year that was closed, with its sums."""
    page = Paginator(all_closures(), CLOSURES_A_PAGE).get_page(request.GET.get("page"))
    rows = [(one, one.record.facts) for one in page]
    context = {"section": "invoices", "tab": "closures", "page": page, "rows": rows}
    return render(request, "invoicing/closures.html", context)


@door(Right.INVOICES)
@require_safe
def closure_sheet(request: TeamRequest, pk: int) -> HttpResponseBase:
    """The sheet of a closed period; one that does not lie there yet is asked for."""
    found = get_object_or_404(Closure.objects.select_related("record"), pk=pk)
    try:
        stored = default_storage.open(day_sheet.stored_name(found))
    except FileNotFoundError:
        day_sheet.ask(found)
        messages.info(request, "La feuille se prépare : rouvrez-la dans quelques secondes.")
        return redirect("closures")
    named = f"cloture-{found.get_period_display().lower()}-{found.starts}.pdf"
    headers = {"Cache-Control": "private, no-store"}
    return FileResponse(stored, filename=named, content_type="application/pdf", headers=headers)


@door(Right.INVOICES)
@require_POST
def register(request: TeamRequest) -> StreamingHttpResponse:
    """The whole register, to be kept at home: it proves itself."""
    now = timezone.now()
    record(actor(request), "invoices.archived", "shop", request.shop.pk)
    return StreamingHttpResponse(
        archive(request.shop, now),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(request.shop, now)}"',
            "Cache-Control": "no-store",
        },
    )


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def terms(request: TeamRequest) -> HttpResponse:
    """What the shop's invoices say by law."""
    form = TermsForm(request.POST or None, instance=the_terms())
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in form.fields}
        change_terms(values, by=actor(request))
        messages.success(request, "Vos factures le diront dès la prochaine.", extra_tags="good")
        return redirect("settings_invoicing")
    status = 422 if request.method == "POST" else 200
    context = {"section": "settings", "tab": "invoicing", "form": form}
    return render(request, "invoicing/terms.html", context, status=status)
