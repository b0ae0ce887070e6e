"""Those who have reserved: the owner watches them arrive, the counter hands over."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.campaigns import booking_queries as queries
from apps.campaigns import bookings, lots
from apps.campaigns.booking_queries import told_of_lot
from apps.campaigns.lot_forms import CounterBookingForm, HandOverForm, QuantityForm
from apps.campaigns.lot_models import Booking, Lot
from apps.club.box_queries import to_hand_over as boxes_to_hand_over
from apps.contacts.models import Contact
from apps.contacts.services import add_contact
from apps.core.doors import door
from apps.core.french import search_key
from apps.core.phone import show_phone
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.core.sheets import STYLES, csv_pieces
from apps.core.tenancy import in_schema
from apps.core.tokens import short
from apps.loyalty.merging import living
from apps.loyalty.models import Card
from apps.loyalty.queries import counter_name

PAGE = 50
_COLUMNS = (
    "Nom",
    "Téléphone",
    "Produit",
    "Quantité",
    "Montant",
    "État",
    "Demandé le",
    "Terminé le",
    "Âge vérifié",
)


def _lot(drop_id: int) -> Lot:
    return get_object_or_404(Lot.objects.select_related("drop", "variant__product"), drop=drop_id)


# --- the owner's list -----------------------------------------------------------------------


@door(Right.WRITE_DROPS)
@require_safe
def reservations(request: TeamRequest, pk: int) -> HttpResponse:
    """Who has reserved, the newest first; the part that moves asks for itself again."""
    return _list(request, _lot(pk))


def _list(
    request: TeamRequest, lot: Lot, add: CounterBookingForm | None = None, error: str = ""
) -> HttpResponse:
    version = queries.version(lot.pk)  # before the lines: what comes meanwhile is asked for
    page = Paginator(queries.newest(lot), PAGE).get_page(request.GET.get("page"))
    for booking in page.object_list:
        booking.lot = lot
    context = {
        "section": "messages",
        "lot": lot,
        "drop": lot.drop,
        "version": version,
        "tally": queries.tally(lot),
        "page": page,
        "gesture": uuid4(),
        "add": add or CounterBookingForm(region=request.shop.region),
        "error": error,
        "public": f"{request.shop.url}/r/{short(lot.drop_id)}/",
    }
    part = "#live" if request.htmx else ""
    status = 422 if add or error else 200
    return render(request, f"campaigns/reservations.html{part}", context, status=status)


@door(Right.WRITE_DROPS)
@require_safe
def results(request: TeamRequest, pk: int) -> HttpResponse:
    """The part of a drop's page that tells what was reserved."""
    lot = _lot(pk)
    context = {"drop": lot.drop, **told_of_lot(lot)}
    return render(request, "campaigns/lot_results.html#live", context)


@door(Right.WRITE_DROPS)
@require_POST
def settle(request: TeamRequest, pk: int) -> HttpResponse:
    """More or fewer, no more, or again."""
    lot, by, now = _lot(pk), actor(request), timezone.now()
    act = request.POST.get("act", "")
    try:
        if act == "close":
            lots.close(lot.pk, by=by, now=now)
        elif act == "reopen":
            bookings.reopen(lot.pk, by=by, now=now)
        elif (form := QuantityForm(request.POST)).is_valid():
            quantity = form.cleaned_data["quantity"]
            bookings.change_quantity(lot.pk, quantity, by=by, now=now)
        else:
            return _list(request, lot, error="Donnez un nombre entier, de 1 à 9999.")
    except Refusal as refusal:
        return _list(request, lot, error=str(refusal))
    return redirect("reservations", pk)


@door(Right.WRITE_DROPS)
@require_POST
def add(request: TeamRequest, pk: int) -> HttpResponse:
    """Somebody asked at the counter or by telephone."""
    lot = _lot(pk)
    form = CounterBookingForm(request.POST, region=request.shop.region)
    if not form.is_valid():
        return _list(request, lot, form)
    told = form.cleaned_data
    now = timezone.now()
    person = add_contact(
        phone=told["phone"], first_name=told["first_name"], token=told["token"], now=now
    ).contact
    try:
        booking = bookings.book(
            lot=lot,
            person=person,
            units=told["units"],
            token=told["token"],
            by=actor(request),
            now=now,
            wait=True,
        )
    except Refusal as refusal:
        return _list(request, lot, form, str(refusal))
    waits = booking.state == Booking.State.WAITING
    sentence = "Il n’y en a plus assez : c’est noté dans la file." if waits else "C’est réservé."
    messages.success(request, sentence, extra_tags="good")
    return redirect("reservations", pk)


@door(Right.WRITE_DROPS)
@require_safe
def export(request: TeamRequest, pk: int) -> StreamingHttpResponse:
    """The list for a spreadsheet."""
    lot = _lot(pk)
    name = f"reservations-{request.shop.slug}-{timezone.localdate().isoformat()}.csv"
    return StreamingHttpResponse(
        _csv(lot, request.shop.schema_name),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _csv(lot: Lot, schema: str) -> Iterator[bytes]:
    with in_schema(schema):
        yield from csv_pieces(_COLUMNS, _rows(lot), STYLES["excel"])


def _rows(lot: Lot) -> Iterator[tuple[Any, ...]]:
    for booking in queries.newest(lot).iterator(chunk_size=500):
        person = living(booking.contact)
        yield (
            person.full_name,
            show_phone(person.phone).replace("\u00a0", " "),
            lot.name,
            booking.units,
            Decimal(booking.units * lot.price_cents) / 100,
            booking.get_state_display(),
            booking.at,
            booking.ended_at,
            "oui" if booking.id_checked else "",
        )


# --- the counter ----------------------------------------------------------------------------


@door(Right.COUNTER)
@require_safe
@never_cache
def to_hand_over(request: TeamRequest) -> HttpResponse:
    """All that is held for somebody, by name, the club's boxes first; with ``carte`` what waits for
    the holder of a card that was scanned."""
    text, person = request.GET.get("q", "").strip()[:60], _holder(request)
    found = list(queries.to_hand_over()[:200])
    theirs = [one for one in found if person in (None, living(one.contact)) and _matches(one, text)]
    boxes = list(boxes_to_hand_over(text, person)[:200])
    context = {
        "q": text,
        "person": person and counter_name(person),
        "boxes": [(counter_name(one.member.person), one) for one in boxes],
        "lines": [(counter_name(living(one.contact)), one) for one in theirs],
        "many": len(boxes) + len(theirs),
        "nothing": not found and not boxes and not text and not person,
    }
    part = "#list" if request.htmx else ""
    return render(request, f"campaigns/counter/reservations.html{part}", context)


def _holder(request: TeamRequest) -> Contact | None:
    number = request.GET.get("carte", "")
    card = Card.objects.filter(pk=int(number)).first() if number.isdecimal() else None
    return living(card.contact) if card else None


def _matches(booking: Booking, text: str) -> bool:
    person: Contact = living(booking.contact)
    digits = "".join(c for c in text if c.isdigit())
    if digits:
        return digits.lstrip("0") in person.phone
    return all(word in person.search for word in search_key(text).split())


@door(Right.COUNTER)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def booking(request: TeamRequest, booking_id: int) -> HttpResponse:
    """One of them: handed over, taken back, or given up. ``liste``: asked from the owner's list."""
    related = ("contact__merged_into", "contact__card", "lot__drop", "lot__variant__product")
    found = get_object_or_404(Booking.objects.select_related(*related), pk=booking_id)
    if request.method != "POST":
        return _counter_page(request, found)
    act, by, now = request.POST.get("act", ""), actor(request), timezone.now()
    try:
        if act == "back":
            bookings.take_back(found, by=by, now=now)
            told = "Remise annulée : c’est de nouveau réservé."
        elif act == "cancel":
            bookings.cancel(found, by=by, now=now)
            told = "Réservation annulée : ce qui se libère va au suivant."
        else:
            told = _hand_over(request, found)
    except Refusal as refusal:
        if "liste" in request.POST:
            return _list(request, _lot(found.lot.drop_id), error=str(refusal))
        return _counter_page(request, found, error=str(refusal), status=refusal.status)
    messages.success(request, told, extra_tags="good")
    if "liste" in request.POST and request.membership.may(Right.WRITE_DROPS):
        return redirect("reservations", found.lot.drop_id)
    return HttpResponseRedirect(reverse("counter-booking", args=[found.pk]))


class PageIncomplete(Refusal):
    status = 422


def _hand_over(request: TeamRequest, found: Booking) -> str:
    form = HandOverForm(request.POST)
    if not form.is_valid():
        raise PageIncomplete(form.sentence)
    gesture, seen = form.cleaned_data["token"], form.cleaned_data["id_checked"]
    bookings.hand_over(
        found, gesture=gesture, id_checked=seen, by=actor(request), now=timezone.now()
    )
    return "C’est remis, et l’achat est noté."


def _counter_page(
    request: TeamRequest, found: Booking, *, error: str = "", status: int = 200
) -> HttpResponse:
    if error:
        found.refresh_from_db()
    person = living(found.contact)
    context = {
        "booking": found,
        "lot": found.lot,
        "name": counter_name(person),
        "card": getattr(person, "card", None),
        "token": uuid4(),
        "error": error,
    }
    return render(request, "campaigns/counter/reservation.html", context, status=status)
