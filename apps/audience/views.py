"""The owner's people: the list, a person's page, and what the team may change there."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audience.forms import ListFilter
from apps.audience.queries import channel_states, listed, timeline, ways_of, worn_tags
from apps.catalog.queries import spending, tastes
from apps.contacts.forms import ConsentForm, ContactForm, TagForm
from apps.contacts.models import ConsentState, Contact, Tag
from apps.contacts.services import (
    AddressTaken,
    add_tag,
    edit_contact,
    record_yes,
    remove_tag,
    withdraw,
)
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.loyalty.card_links import send_card_link
from apps.loyalty.card_page import Standing
from apps.loyalty.merging import living
from apps.loyalty.models import Card
from apps.loyalty.services import the_programme

PAGE = 50


@door(Right.SEE_CONTACTS)
@require_safe
def contacts(request: TeamRequest) -> HttpResponse:
    """The list: search as one types, filters, sort, pages."""
    filters = ListFilter(request.GET, shop=request.shop)
    found = listed(
        filters.criteria,
        segment=filters.chosen_segment,
        text=filters.said("q"),
        channel=filters.said("channel"),
        accord=filters.said("accord"),
        sort=filters.said("sort"),
    )
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "contacts",
        "filters": filters,
        "page": page,
        "people": [(person, ways_of(person, request.shop)) for person in page],
        "total": page.paginator.count,
        "programme": the_programme(),
        "nobody": not page.paginator.count and not Contact.objects.living().exists(),
    }
    part = "#list" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"audience/contacts.html{part}", context)


def _living(pk: int) -> Contact:
    """The record, or the one it was merged into."""
    return living(get_object_or_404(Contact.objects.select_related("merged_into"), pk=pk))


def _person(request: TeamRequest, contact: Contact, **more: object) -> dict[str, object]:
    page = request.GET.get("page", "1")
    number = min(int(page), 200) if page.isascii() and page.isdigit() and page != "0" else 1
    moments, further = timeline(contact, page=number)
    card = Card.objects.filter(contact=contact).first()
    programme = the_programme()
    return {
        "section": "contacts",
        "contact": contact,
        "channels": channel_states(contact, request.shop),
        "consent_form": ConsentForm(),
        "tags": contact.tags.all(),
        "all_tags": worn_tags(),
        "adult": contact.is_adult(timezone.localdate()),
        "card": card,
        "spent": spending(contact, timezone.now()),
        "tastes": tastes(contact),
        "language": dict(settings.LANGUAGES).get(contact.language, contact.language),
        "programme": programme,
        "standing": Standing.of(programme, card.balance if card else 0),
        "moments": moments,
        "number": number,
        "further": further,
        **more,
    }


@door(Right.SEE_CONTACTS)
@require_safe
def contact(request: TeamRequest, pk: int) -> HttpResponse:
    """Everything the shop knows of one person."""
    found = _living(pk)
    if found.pk != pk:
        return redirect("contact", found.pk)
    part = "#timeline" if request.htmx and request.htmx.target == "histoire" else ""
    return render(request, f"audience/contact.html{part}", _person(request, found))


@door(Right.EDIT_CONTACTS)
@require_http_methods(["GET", "HEAD", "POST"])
def contact_edit(request: TeamRequest, pk: int) -> HttpResponse:
    """Correct who a person is."""
    found = _living(pk)
    form = ContactForm(
        request.POST or None,
        initial=ContactForm.initial_of(found),
        region=request.shop.region,
        asks_age=bool(request.shop.sells_alcohol),
    )
    holder = None
    if request.method == "POST" and form.is_valid():
        try:
            edit_contact(found, form.identity, by=actor(request), now=timezone.now())
        except AddressTaken as refusal:
            form.add_error(refusal.values.get("field", "phone"), str(refusal))
            holder = refusal.values.get("holder")
        else:
            messages.success(request, "La fiche est à jour.", extra_tags="good")
            return redirect("contact", found.pk)
    context = {"section": "contacts", "contact": found, "form": form, "holder": holder}
    return render(request, "audience/edit.html", context, status=422 if form.errors else 200)


def _back(request: HttpRequest, pk: int, anchor: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('contact', args=[pk])}#{anchor}")


@door(Right.EDIT_CONTACTS)
@require_POST
def tag_add(request: TeamRequest, pk: int) -> HttpResponse:
    found, form = _living(pk), TagForm(request.POST)
    error = ""
    if form.is_valid():
        add_tag(found, form.cleaned_data["name"], by=actor(request))
    else:
        error = str(form.errors["name"][0])
    if request.htmx:
        context = _person(request, found, tag_error=error)
        return render(request, "audience/contact.html#tags", context, status=422 if error else 200)
    if error:
        messages.error(request, error, extra_tags="bad")
    return _back(request, found.pk, "etiquettes")


@door(Right.EDIT_CONTACTS)
@require_POST
def tag_remove(request: TeamRequest, pk: int, tag: int) -> HttpResponse:
    found = _living(pk)
    remove_tag(found, get_object_or_404(Tag, pk=tag), by=actor(request))
    if request.htmx:
        return render(request, "audience/contact.html#tags", _person(request, found))
    return _back(request, found.pk, "etiquettes")


def _write_down(
    request: TeamRequest, found: Contact, *, channel: str, act: str, source: str
) -> None:
    """A yes that waits for a proof sends the link whose tap gives it."""
    by, now = actor(request), timezone.now()
    if act == "stop":
        withdraw(found, channel, source=source, by=by, now=now)
        return
    state = record_yes(found, channel, source=source, by=by, now=now)
    if state == ConsentState.PENDING:
        found.refresh_from_db()
        send_card_link(found, channel, by=by, now=now)


@door(Right.EDIT_CONTACTS)
@require_POST
def consent(request: TeamRequest, pk: int) -> HttpResponse:
    """The team writes down what the person said of a channel."""
    found, form = _living(pk), ConsentForm(request.POST)
    error = ""
    if form.is_valid():
        try:
            _write_down(request, found, **form.cleaned_data)
        except Refusal as refusal:
            error = str(refusal)
    else:
        error = str(next(iter(form.errors.values()))[0])
    if request.htmx:
        found.refresh_from_db()
        context = _person(request, found, consent_error=error)
        return render(
            request, "audience/contact.html#consents", context, status=422 if error else 200
        )
    if error:
        messages.error(request, error, extra_tags="bad")
    return _back(request, found.pk, "accords")
