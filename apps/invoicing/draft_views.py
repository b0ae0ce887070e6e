"""The team's doors to drafts: written, read once more, issued or thrown away."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.catalog.models import Purchase
from apps.contacts.models import Contact
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.invoicing.document import charges_no_vat, compose, missing_facts
from apps.invoicing.forms import (
    InvoiceForm,
    InvoiceLines,
    LineForm,
    LineTable,
    filled,
    plain_euros,
    rate_choices,
)
from apps.invoicing.models import Draft
from apps.invoicing.reckoning import plain_quantity
from apps.invoicing.services import issue, save_draft, the_terms, throw_away
from apps.invoicing.words import Cause, InvoiceWords
from apps.invoicing.writing import buyer_of, lines_of, offered, usual_operation

PREFIX = "l"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 18 else None


def _cause(request: TeamRequest) -> tuple[Contact | None, Purchase | None]:
    """Whom and what the address names; a stranger's number is nobody's."""
    bought = _number(request.GET.get("achat"))
    purchase = bought and Purchase.objects.filter(pk=bought, cancelled_at=None).first()
    person = purchase.contact_id if purchase else _number(request.GET.get("client"))
    contact = person and Contact.objects.filter(pk=person, merged_into=None).first()
    return contact or None, purchase or None


def _begun(request: TeamRequest, purchase: Purchase | None) -> list[dict[str, Any]]:
    """The lines a new invoice begins with."""
    if purchase is None:
        return [{"quantity": "1"}]
    lines = lines_of(purchase, request.shop, timezone.localdate())
    return [
        {**line, "quantity": plain_quantity(line["quantity"]), "price": plain_euros(line["price"])}  # type: ignore[arg-type]
        for line in lines
    ]


@door(Right.INVOICES)
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: TeamRequest, pk: int | None = None) -> HttpResponse:
    """A new invoice, or a draft that is changed. ``more`` asks for one more line, ``fill`` for the
    catalogue's prices."""
    draft = get_object_or_404(Draft, pk=pk) if pk else None
    shop, today, articles = request.shop, timezone.localdate(), offered()
    exempt = bool(charges_no_vat(shop, the_terms()))
    more = {"rates": rate_choices(shop, today, exempt=exempt)}
    begun = (None, None) if draft else _cause(request)
    sent = filled(request.POST, PREFIX, articles, shop, today) if request.POST else None
    judged = sent is not None and not sent.keys() & {"more", "fill"}
    if sent is None:
        form, table = _of_draft(draft, more) if draft else _of_cause(request, *begun, more)
    elif not judged:
        form, table = _asked_again(sent, more)
    else:
        form, table = _bound(sent, more)
        if kept := _kept(form, table, *begun, draft):
            return redirect(kept)
    context = {
        "section": "invoices",
        "form": form,
        "table": table,
        "draft": draft,
        "articles": articles,
        "exempt": exempt,
    }
    return render(request, "invoicing/form.html", context, status=422 if judged else 200)


def _kept(
    form: InvoiceForm,
    table: InvoiceLines,
    contact: Contact | None,
    purchase: Purchase | None,
    draft: Draft | None,
) -> Draft | None:
    """The draft, or None where something is to be corrected."""
    if not form.is_valid() or not table.is_valid():
        return None
    words, token = form.words(table.words()), form.cleaned_data["token"] or uuid4()
    cause = Cause(contact.pk if contact else None, purchase.pk if purchase else None, token)
    try:
        return save_draft(words, now=timezone.now(), cause=cause, draft=draft)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return None


def _of_draft(draft: Draft, more: dict[str, Any]) -> tuple[InvoiceForm, InvoiceLines]:
    words = InvoiceWords.of(draft.words)
    lines = [LineForm.initial_of(line) for line in words.lines]
    return InvoiceForm(initial=InvoiceForm.initial_of(words)), _table(lines, more)


def _of_cause(
    request: TeamRequest, contact: Contact | None, purchase: Purchase | None, more: dict[str, Any]
) -> tuple[InvoiceForm, InvoiceLines]:
    """What a new invoice begins with."""
    first = {"token": uuid4(), "operation": usual_operation(request.shop), **buyer_of(contact)}
    return InvoiceForm(initial=first), _table(_begun(request, purchase), more)


def _bound(sent: QueryDict, more: dict[str, Any]) -> tuple[InvoiceForm, InvoiceLines]:
    return InvoiceForm(sent), LineTable(sent, prefix=PREFIX, form_kwargs=more)


def _table(lines: list[dict[str, Any]], more: dict[str, Any]) -> InvoiceLines:
    return LineTable(initial=lines, prefix=PREFIX, form_kwargs=more)


def _asked_again(sent: QueryDict, more: dict[str, Any]) -> tuple[InvoiceForm, InvoiceLines]:
    """What was typed, unjudged, the catalogue's prices in it, and one more line if asked."""
    typed = sent.dict()
    _form, table = _bound(sent, more)
    lines = [
        {name: typed.get(f"{PREFIX}-{turn}-{name}", "") for name in LineForm.base_fields}
        for turn in range(table.total_form_count())
    ]
    if "more" in typed:
        lines.append({"quantity": "1"})
    table = _table(lines, more)
    if "more" in typed:
        table.forms[-1].fields["label"].widget.attrs["autofocus"] = True
    return InvoiceForm(initial=typed), table


@door(Right.INVOICES)
@require_safe
def read(request: TeamRequest, pk: int) -> HttpResponse:
    """The draft as it will be issued, and what keeps it from being."""
    return _draft_page(request, get_object_or_404(Draft, pk=pk))


def _draft_page(request: TeamRequest, draft: Draft, sentence: str = "") -> HttpResponse:
    shop, held, words = request.shop, the_terms(), InvoiceWords.of(draft.words)
    context = {
        "section": "invoices",
        "draft": draft,
        "document": compose(words, shop, held, timezone.localdate()),
        "missing": missing_facts(shop, held),
        "sentence": sentence,
    }
    status = 422 if sentence else 200
    return render(request, "invoicing/draft.html", context, status=status)


@door(Right.INVOICES)
@require_POST
def publish(request: TeamRequest, pk: int) -> HttpResponse:
    """Issue it: from here on it has a number and never changes."""
    draft = get_object_or_404(Draft, pk=pk)
    try:
        invoice = issue(draft, by=actor(request), now=timezone.now())
    except Refusal as refusal:
        return _draft_page(request, draft, str(refusal))
    messages.success(request, f"La facture {invoice.number} est émise.", extra_tags="good")
    return redirect(invoice)


@door(Right.INVOICES)
@require_POST
def discard(request: TeamRequest, pk: int) -> HttpResponse:
    throw_away(get_object_or_404(Draft, pk=pk))
    messages.success(request, "Le brouillon est supprimé.", extra_tags="good")
    return redirect("invoices")
