"""The page of a lot: who has their own link reserves, changes, gives back; who has none asks for
one. Opening it promises nothing."""

from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST

from apps.campaigns import bookings, links, way_in
from apps.campaigns.booking_queries import Standing, lot_of_drop, standing
from apps.campaigns.lot_models import Booking, Lot
from apps.contacts.consent import ADULT_SENTENCES, ADULT_WORDING
from apps.contacts.models import Contact
from apps.contacts.services import WrongPhone, read_phone
from apps.core.actor import Actor
from apps.core.doors import customers
from apps.core.network import client_address
from apps.core.phone import Phone
from apps.core.ratelimit import Limit, allowed
from apps.core.refusal import Refusal
from apps.core.tokens import short
from apps.loyalty.customer_forms import StrangerForm
from apps.loyalty.merging import living
from apps.shops.requests import ShopRequest

# Counted only when nothing is found: who opens their own page is never stopped.
WRONG_LINKS = Limit("lot:address", 30, 600)


class TakeForm(forms.Form):
    """``act``: take, wait, yes or back. ``token`` is the page's name for the gesture."""

    token = forms.UUIDField()
    act = forms.ChoiceField(choices=[(one, one) for one in ("take", "wait", "yes", "back")])
    units = forms.IntegerField(min_value=1, max_value=9999, required=False)
    adult = forms.BooleanField(required=False)


class AskForm(StrangerForm):
    """Who would reserve asks for their link."""

    adult = forms.BooleanField(
        label=ADULT_SENTENCES[ADULT_WORDING],
        error_messages={"required": str(bookings.AgeUnsaid.message)},
    )

    def __init__(self, *args: Any, region: str, alcohol: bool, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.region = region
        if not alcohol:
            del self.fields["adult"]

    def clean_phone(self) -> Phone:
        try:
            phone = read_phone(self.cleaned_data["phone"], self.region)
        except WrongPhone as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        if not phone.mobile:
            raise forms.ValidationError(
                _("Ce numéro fixe ne reçoit pas de SMS : donnez un mobile.")
            )
        return phone

    def clean_site(self) -> str:
        if self.cleaned_data["site"]:
            raise forms.ValidationError(
                _("Ce formulaire n’a pas pu être lu. Touchez encore une fois.")
            )
        return ""

    def asking(self) -> way_in.Asking:
        data = self.cleaned_data
        return way_in.Asking(
            key=data["key"],
            first_name=data["first_name"],
            phone=data["phone"],
            adult=data.get("adult", False),
            language=(get_language() or "fr")[:2],
        )


# --- with a link of one's own ---------------------------------------------------------------


@customers
@gzip_page
@require_http_methods(["GET", "HEAD", "POST"])
def lot(request: ShopRequest, drop: str, token: str) -> HttpResponse:
    """What is offered and where this person stands with it; the buttons post here."""
    found, person = _open_lot(drop), _person(token)
    if found is None or person is None:
        return _nothing(request, found)
    if request.method != "POST":
        return _page(request, found, person)
    form = TakeForm(request.POST)
    if not form.is_valid():
        again = _("Cette page est incomplète. Rechargez-la, puis recommencez.")
        return _page(request, found, person, error=str(again), status=422)
    try:
        _act(found, person, form.cleaned_data)
    except Refusal as refusal:
        return _page(request, found, person, error=str(refusal), status=refusal.status)
    return HttpResponseRedirect(request.path)


def _act(found: Lot, person: Contact, told: dict[str, Any]) -> None:
    now, by = timezone.now(), Actor("customer", person.pk)
    if told["adult"]:
        bookings.declare_adult(person, now)
    if told["act"] in {"take", "wait"}:
        bookings.book(
            lot=found,
            person=person,
            units=told["units"] or 1,
            token=told["token"],
            by=by,
            now=now,
            wait=told["act"] == "wait",
        )
    elif mine := bookings.standing_of(found, person):
        if told["act"] == "yes":
            bookings.confirm(mine, now)
        else:
            bookings.cancel(mine, by=by, now=now)


@customers
@csrf_exempt
@require_POST
def lot_seen(request: ShopRequest, drop: str, token: str) -> HttpResponse:
    """Said by the page's script, without a cookie: a click."""
    found, person = _open_lot(drop), _person(token)
    if found and person and not links.is_program(request.headers.get("User-Agent", "")):
        links.lot_opened(found, person, timezone.now())
    return HttpResponse(status=204)


def _person(token: str) -> Contact | None:
    """Whom the link speaks for today: a merged record's link still works."""
    found = Contact.objects.select_related("merged_into").filter(link_token=token).first()
    return living(found) if found else None


def _open_lot(drop: str) -> Lot | None:
    """One that has left, whether or not it is over."""
    found = lot_of_drop(links.number_of(drop))
    return found if found and found.drop.launched_at else None


def _nothing(request: ShopRequest, found: Lot | None) -> HttpResponse:
    known = allowed(WRONG_LINKS, client_address(request))
    context = {"public": f"/r/{short(found.drop_id)}/" if found else ""}
    return _private(
        render(request, "campaigns/public/no_lot.html", context, status=404 if known else 429)
    )


def _private(response: HttpResponse) -> HttpResponse:
    """The address is the key: kept by no cache, listed by no engine."""
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _page(
    request: ShopRequest, found: Lot, person: Contact, *, error: str = "", status: int = 200
) -> HttpResponse:
    now = timezone.now()
    if status != 200:
        found.refresh_from_db()
        found.variant.refresh_from_db()
    stands = standing(found, person, now)
    context = {
        **_told(found, stands),
        "person": person,
        "seen": f"{request.path}vu/",
        "public": f"/r/{short(found.drop_id)}/",
        "token": uuid4(),
        "error": error,
        "ask_age": _asks_age(found, person),
        "adult_sentence": ADULT_SENTENCES[ADULT_WORDING],
    }
    return _private(render(request, "campaigns/public/lot.html", context, status=status))


def _asks_age(found: Lot, person: Contact) -> bool:
    alcohol = found.variant.product.is_alcohol
    return alcohol and not person.birth_date and person.adult_declared_at is None


def _told(found: Lot, stands: Standing) -> dict[str, Any]:
    booking = stands.booking
    return {
        "lot": found,
        "stands": stands,
        "mine": booking if booking and booking.ended_at is None else None,
        "fetched": booking if booking and booking.state == Booking.State.FETCHED else None,
        "held": booking and booking.state == Booking.State.HELD,
        "sums": [(units, units * found.price_cents) for units in stands.choices],
    }


# --- without one ----------------------------------------------------------------------------


@customers
@gzip_page
@require_http_methods(["GET", "HEAD", "POST"])
def public_lot(request: ShopRequest, drop: str) -> HttpResponse:
    """The same offer for whoever comes by: their own link is sent to their mobile."""
    found = _open_lot(drop)
    if found is None:
        return _nothing(request, None)
    now, status = timezone.now(), 200
    form = AskForm(
        request.POST or None,
        initial={"key": uuid4()},
        region=request.shop.region,
        alcohol=found.variant.product.is_alcohol,
    )
    if request.method == "POST":
        status = 422
        try:
            if form.is_valid():
                way_in.send(found, form.asking(), client_address=client_address(request), now=now)
                return HttpResponseRedirect(f"{request.path}?envoye=1")
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            status = refusal.status
    context = {
        **_told(found, standing(found, None, now)),
        "form": form,
        "sent": "envoye" in request.GET,
    }
    return _private(render(request, "campaigns/public/lot.html", context, status=status))
