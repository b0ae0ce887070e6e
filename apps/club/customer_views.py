"""The club from the street: its plans, joining one, waiting for a place, giving one, opening it.
No account, no script; money is asked for on Stripe's page."""

from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from apps.club import queries
from apps.club.customer_forms import AddressForm, GiftForm, LineForm, OrderForm
from apps.club.models import ClubPlan, Handover, Member, State, Waiting
from apps.club.services import following, giving, joining, planning, waiting
from apps.club.services.joining import AgeUnsaid, Minor
from apps.club.services.welcoming import gift_url
from apps.contacts.models import Source
from apps.contacts.services import add_contact
from apps.core.doors import customers
from apps.core.network import client_address
from apps.core.ratelimit import Limit, spend_each
from apps.core.refusal import Refusal
from apps.legal.services import NotInForce
from apps.loyalty.customer_views import private
from apps.payments import selling
from apps.shops.requests import ShopRequest

WAITS_PER_CLIENT = Limit("club-line:client", 20, 3600)
_FIELD_OF: dict[type[Refusal], str] = {AgeUnsaid: "adult", Minor: "adult", NotInForce: "terms"}


def _open(request: ShopRequest) -> None:
    """Until the shop's account takes cards there is no club to be seen."""
    if not selling.can_sell(request.shop):
        raise Http404


def _plan(request: ShopRequest, pk: int) -> ClubPlan:
    _open(request)
    return get_object_or_404(ClubPlan.objects.open(), pk=pk)


@customers
@gzip_page
@require_safe
def club(request: ShopRequest) -> HttpResponse:
    """What one may join, and how many places are left."""
    _open(request)
    return render(request, "club/public/club.html", {"offered": queries.offered(timezone.now())})


@customers
@gzip_page
@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: ShopRequest, pk: int) -> HttpResponse:
    """A plan, and the form that leads to Stripe's page; the line, when it is full."""
    found, now = _plan(request, pk), timezone.now()
    turn = request.POST.get("place") or request.GET.get("place", "")
    left = planning.places_left(found, now)
    kept = waiting.is_kept(found, turn, now)
    if left == 0 and not kept and request.method != "POST":
        return _line_page(request, found, LineForm(label_suffix=""), late=bool(turn))
    initial = {"place": turn}
    form = OrderForm(request.POST or None, shop=request.shop, plan=found, initial=initial)
    return _ordered(request, found, form, left=left, kept=kept)


@customers
@gzip_page
@require_http_methods(["GET", "HEAD", "POST"])
def give(request: ShopRequest, pk: int) -> HttpResponse:
    """The same for somebody else: paid once, opened by who gets the link."""
    found = _plan(request, pk)
    if not found.is_giftable:
        raise Http404
    left = planning.places_left(found, timezone.now())
    if left == 0 and request.method != "POST":
        return _line_page(request, found, LineForm(label_suffix=""))
    form = GiftForm(request.POST or None, shop=request.shop, plan=found)
    return _ordered(request, found, form, left=left, is_gift=True)


def _ordered(request: ShopRequest, found: ClubPlan, form: OrderForm, **shown: Any) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            url = joining.order(
                form.order(),
                found,
                shop=request.shop,
                client_address=client_address(request),
                now=timezone.now(),
            )
            return HttpResponseRedirect(url)
        except joining.Full:
            return _line_page(request, found, LineForm(label_suffix=""), status=409)
        except Refusal as refusal:
            status = form.refuse(refusal, _FIELD_OF.get(type(refusal)))
    context = {"plan": found, "form": form, **shown}
    response = render(request, "club/public/plan.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


# --- the line ------------------------------------------------------------------------------


@customers
@gzip_page
@require_http_methods(["GET", "HEAD", "POST"])
def wait(request: ShopRequest, pk: int) -> HttpResponse:
    """A place in the line, for a name and an e-mail. Whom the shop knows it does not say."""
    found, now = _plan(request, pk), timezone.now()
    form = LineForm(request.POST or None, label_suffix="")
    if request.method != "POST" or not form.is_valid() or form.cleaned_data["site"]:
        return _line_page(request, found, form, status=422 if form.is_bound else 200)
    said = form.cleaned_data
    spend_each(
        (WAITS_PER_CLIENT, client_address(request)), (joining.ORDERS_PER_ADDRESS, said["email"])
    )
    person = add_contact(
        email=said["email"],
        first_name=said["first_name"],
        source=Source.CLUB,
        language=(get_language() or "fr")[:2],
    )
    waiting.wait(found, person.contact, now)
    return render(request, "club/public/waiting.html", {"plan": found, "email": said["email"]})


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@private
def line(request: ShopRequest, token: str) -> HttpResponse:
    """One's own place in line: given up in one tap."""
    found = get_object_or_404(Waiting.objects.select_related("plan"), token=token)
    if request.method == "POST":
        waiting.leave_line(found, timezone.now())
        found.refresh_from_db()
    return render(request, "club/public/line.html", {"waiting": found, "plan": found.plan})


def _line_page(
    request: ShopRequest, found: ClubPlan, form: LineForm, *, late: bool = False, status: int = 200
) -> HttpResponse:
    context = {"plan": found, "form": form, "late": late}
    return render(request, "club/public/full.html", context, status=status)


# --- after Stripe's page -------------------------------------------------------------------


@customers
@require_safe
@private
def thanks(request: ShopRequest, token: str) -> HttpResponse:
    """Back from Stripe: what was agreed. Its event may still be on its way, so Stripe is asked."""
    member = _member(token)
    if member.state == State.JOINING and member.customer_id:
        following.look_again(member, request.shop, timezone.now())
        member.refresh_from_db()
    context = {
        "member": member,
        "plan": member.plan,
        "link": gift_url(member, request.shop.url),
    }
    return render(request, "club/public/thanks.html", context)


def _member(token: str) -> Member:
    return get_object_or_404(Member.objects.select_related("plan", "contact", "giver"), token=token)


@customers
@gzip_page
@require_http_methods(["GET", "HEAD", "POST"])
@private
def gift(request: ShopRequest, token: str) -> HttpResponse:
    """A gift, opened by who it is for."""
    member = _member(token)
    if not member.is_gift or member.state != State.GIVEN:
        said = {
            "title": _("Ce cadeau est déjà ouvert"),
            "sentence": _("La personne qui l’a ouvert a reçu son propre lien par e-mail."),
            "action": "",
        }
        return render(request, "loyalty/public/sorry.html", said, status=404)
    initial = {"first_name": member.gift_name}
    form = AddressForm(request.POST or None, shop=request.shop, initial=initial)
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            wish = form.wish(handover=member.handover)
            opened = giving.open_gift(member, wish, shop=request.shop, now=timezone.now())
            return HttpResponseRedirect(f"/club/merci/{opened.token}/")
        except Refusal as refusal:
            status = form.refuse(refusal, _FIELD_OF.get(type(refusal)))
    context = {
        "member": member,
        "plan": member.plan,
        "form": form,
        "ships": member.handover == Handover.SHIPPING,
    }
    return render(request, "club/public/gift.html", context, status=status)
