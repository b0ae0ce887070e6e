"""A member's own page: opened by a link and a code, without an account."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.club import member_page
from apps.club.customer_member_forms import AddressForm, CodeForm, FindForm, RestForm
from apps.club.letters import page_of
from apps.club.member_models import Arrear
from apps.club.models import Member
from apps.club.services import arrears, door, keeping, leaving, repricing
from apps.core.doors import customers
from apps.core.network import client_address
from apps.core.refusal import Refusal
from apps.invoicing.models import PaperState
from apps.loyalty.customer_views import private
from apps.shops.requests import ShopRequest

KEY = "club"  # the cookie that says a page was opened here
View = Callable[..., HttpResponseBase]


def opened(view: View) -> View:
    """For who has opened the page by a code; ``view`` gets the membership. Others are asked for
    the code first; a refusal is said on the page."""

    @wraps(view)
    @private
    def guarded(request: ShopRequest, token: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        member = named(token)
        if not is_open(request, member):
            return HttpResponseRedirect(_path(member))
        try:
            return view(request, member, *args, **kwargs)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(_path(member))

    return guarded


def named(token: str) -> Member:
    found = Member.objects.select_related("plan", "contact").filter(token=token).first()
    if found is None:
        raise Http404
    return found


def is_open(request: ShopRequest, member: Member) -> bool:
    return door.is_open(member, request.COOKIES.get(KEY, ""))


def _path(member: Member) -> str:
    return f"/club/m/{member.token}/"


# --- the door ------------------------------------------------------------------------------


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@private
def find(request: ShopRequest) -> HttpResponse:
    """The link of one's page, sent to who asks; the answer is the same for everybody."""
    posted = request.method == "POST"
    form = FindForm(request.POST if posted else None, shop=request.shop)
    status, sent = 200, False
    if posted and (sent := form.is_valid()):
        try:
            door.send_link(
                channel=form.channel,
                address=form.cleaned_data["to"],
                client_address=client_address(request),
                now=timezone.now(),
            )
        except Refusal as refusal:
            form.add_error("to", str(refusal))
            sent, status = False, refusal.status
    elif posted:
        status = 422
    return render(request, "club/public/find.html", {"form": form, "sent": sent}, status=status)


@customers
@require_safe
@private
def member(request: ShopRequest, token: str) -> HttpResponseBase:
    """The page; or, to who has no key of it, its door. Back from Stripe's page of another means
    of payment, that one is used from now on."""
    found = named(token)
    if not is_open(request, found):
        return _door(request, found, CodeForm())
    if page := request.GET.get("moyen", ""):
        return _use_means(request, found, page)
    return render(request, "club/public/member.html", member_page.shown(found, request.shop))


def _door(request: ShopRequest, found: Member, form: CodeForm, status: int = 200) -> HttpResponse:
    context = {
        "member": found,
        "form": form,
        "ways": door.ways_of(found.person),
        "sent": "code" in request.GET or form.is_bound,
    }
    return render(request, "club/public/door.html", context, status=status)


@customers
@require_POST
@private
def code(request: ShopRequest, token: str) -> HttpResponse:
    """Send a code to the mobile or the e-mail that is known."""
    found = named(token)
    try:
        door.send_code(found, request.POST.get("canal", ""), now=timezone.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(_path(found))
    return HttpResponseRedirect(f"{_path(found)}?code=1")


@customers
@require_POST
@private
def enter(request: ShopRequest, token: str) -> HttpResponse:
    """The right code opens the page in this browser, for a while."""
    found, form = named(token), CodeForm(request.POST)
    if not form.is_valid():
        return _door(request, found, form, 422)
    try:
        key = door.open_with(found, form.cleaned_data["code"], now=timezone.now())
    except Refusal as refusal:
        form.add_error("code", str(refusal))
        return _door(request, found, form, refusal.status)
    response = HttpResponseRedirect(_path(found))
    response.set_cookie(
        KEY,
        key,
        max_age=door.OPEN_FOR,
        path=_path(found),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@customers
@require_POST
@private
def close(request: ShopRequest, token: str) -> HttpResponse:
    """On a browser that is not one's own."""
    found = named(token)
    response = HttpResponseRedirect(_path(found))
    response.delete_cookie(KEY, path=_path(found))
    return response


# --- acts ----------------------------------------------------------------------------------


@customers
@require_POST
@opened
def rest(request: ShopRequest, found: Member) -> HttpResponse:
    form = RestForm(request.POST)
    periods = form.cleaned_data["periods"] if form.is_valid() else 0
    keeping.rest(found, periods, now=timezone.now())
    messages.success(request, _("Votre abonnement est en pause. Il reprendra de lui-même."))
    return HttpResponseRedirect(_path(found))


@customers
@require_POST
@opened
def resume(request: ShopRequest, found: Member) -> HttpResponse:
    keeping.resume(found, now=timezone.now())
    messages.success(request, _("Votre abonnement a repris."))
    return HttpResponseRedirect(_path(found))


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@opened
def address(request: ShopRequest, found: Member) -> HttpResponse:
    """Where boxes go, and how."""
    posted = request.method == "POST"
    form = AddressForm(request.POST if posted else None, member=found)
    if posted and form.is_valid():
        now = timezone.now()
        keeping.bring(found, form.cleaned_data.get("handover", found.handover), now=now)
        keeping.move(found, form.address(), now=now)
        messages.success(request, _("C’est enregistré, dès la prochaine box."))
        return HttpResponseRedirect(_path(found))
    context = {"member": found, "form": form}
    return render(request, "club/public/my_address.html", context, status=422 if posted else 200)


@customers
@require_POST
@opened
def means(request: ShopRequest, found: Member) -> HttpResponse:
    """To Stripe's page, where alone a card's number is typed."""
    once = request.POST.get("once", "")[:32] or uuid4().hex
    url = keeping.means_page(found, once=once, back_url=page_of(found))
    return HttpResponseRedirect(url)


def _use_means(request: ShopRequest, found: Member, page: str) -> HttpResponse:
    try:
        if keeping.use_means(found, page[:100], now=timezone.now()):
            messages.success(request, _("Votre nouveau moyen de paiement est enregistré."))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(_path(found))


@customers
@require_POST
@opened
def price(request: ShopRequest, found: Member, answer: int) -> HttpResponse:
    """Yes or no to a new price."""
    agrees = request.POST.get("reponse") == "oui"
    repricing.answer(found, answer, agrees=agrees, now=timezone.now())
    said = _("Vous acceptez le nouveau prix.") if agrees else _("Vous gardez votre prix.")
    messages.success(request, said)
    return HttpResponseRedirect(_path(found))


@customers
@require_POST
@opened
def stay(request: ShopRequest, found: Member) -> HttpResponse:
    """Who was leaving stays."""
    leaving.take_back(found, now=timezone.now())
    messages.success(request, _("Votre abonnement continue."))
    return HttpResponseRedirect(_path(found))


@customers
@require_safe
@opened
def invoice(request: ShopRequest, found: Member, number: str) -> HttpResponseBase:
    """The PDF of one of the member's own invoices, or of a credit note over one."""
    paper = member_page.paper_of(found, number)
    if paper is None or paper.state != PaperState.READY:
        raise Http404
    named_ = f"{number}-{request.shop.slug}.pdf"
    stored = default_storage.open(paper.file)
    return FileResponse(stored, filename=named_, content_type="application/pdf")


# --- what is owed --------------------------------------------------------------------------


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@private
def pay(request: ShopRequest, token: str) -> HttpResponse:
    """The link of a letter: what is owed and why, and one button to Stripe's page. Opening it
    changes nothing; it shows neither name nor address."""
    try:
        arrear: Arrear = arrears.arrear_of(token)
        if request.method == "POST":
            return HttpResponseRedirect(arrears.pay_page(arrear, timezone.now()))
    except arrears.NothingOwed as refusal:
        context = {"sentence": str(refusal)}
        return render(request, "club/public/settled.html", context, status=refusal.status)
    if arrear.ended_at:
        return render(request, "club/public/settled.html", {"arrear": arrear})
    return render(request, "club/public/pay.html", {"arrear": arrear})
