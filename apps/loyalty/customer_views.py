"""The customer's doors: joining, the card, the link of a message. No account, no app."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.catalog.queries import spending
from apps.contacts import channels
from apps.contacts.models import ConsentState
from apps.core.doors import customers
from apps.core.network import client_address
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.loyalty import card_page, first_touch, live_code, pocket, proving, referral_queries
from apps.loyalty.customer_forms import JoinForm, NameForm
from apps.loyalty.joining import AgeUnsaid, NoAddress, TooYoung, join
from apps.loyalty.models import Card
from apps.loyalty.services import the_programme
from apps.messaging.subscribing import key_of
from apps.shops.requests import ShopRequest
from apps.wallet import accounts
from apps.wallet.device_views import pass_file
from apps.wallet.identities import standing
from apps.wallet.saving import save_link

View = Callable[..., HttpResponseBase]

SHOWN = "carte"  # the cookie with the card this browser was shown when it joined

_FIELD_OF: dict[type[Refusal], str] = {AgeUnsaid: "adult", NoAddress: "phone"}


class _Gone(Exception):
    """No card has this token any more."""


def private(view: View) -> View:
    """The address is the key: kept by no cache, listed by no engine, a dead one explained.

    The Referrer-Policy stays ``same-origin``: no other site learns the address, while
    ``no-referrer`` would blank the Origin of the page's own forms, which CSRF asks for.
    """

    @wraps(view)
    def kept(request: ShopRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except (_Gone, proving.LinkEnded):
            response = _gone(request)
        response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return kept


def _gone(request: ShopRequest) -> HttpResponse:
    context = {
        "title": _("Ce lien ne mène plus à une carte"),
        "sentence": _(
            "Il a été remplacé par un plus récent, ou il est incomplet. Ouvrez le dernier "
            "message que vous avez reçu de nous, ou redemandez votre carte : avec le même numéro "
            "ou le même e-mail, vous retrouvez la vôtre."
        ),
        "action": _("Retrouver ma carte"),
    }
    return render(request, "loyalty/public/sorry.html", context, status=404)


def _too_young(request: ShopRequest, refusal: TooYoung) -> HttpResponse:
    context = {"title": _("À plus tard"), "sentence": str(refusal), "action": ""}
    return render(request, "loyalty/public/sorry.html", context, status=refusal.status)


@customers
@gzip_page  # within the page's 60 kB; its only secret, the CSRF token, is masked anew each time
@require_http_methods(["GET", "HEAD", "POST"])
def join_page(request: ShopRequest, code: str = "") -> HttpResponse:
    """The shop's front door: what the card brings, and the shortest form that gives one.

    By a customer's own link (``code``) it says who offers what; the first such link counts.
    """
    posted, now = request.method == "POST", timezone.now()
    number = first_touch.number_in(code or request.POST.get("friend", ""))
    if code and number is None:
        return HttpResponseRedirect("/")
    memory = first_touch.remembered(request, now)
    memory = memory.follow(number, now) if number else memory
    offered = referral_queries.offered(memory)
    came_by = {"via": request.GET.get("via", "")}
    form = JoinForm(request.POST if posted else None, shop=request.shop, initial=came_by)
    status = 422 if posted else 200
    if posted:
        try:
            if form.is_valid():
                wish = form.wish(offered.touch if offered else None)
                address = client_address(request)
                card = join(wish, shop=request.shop, client_address=address, now=now)
                return _shown_card(card, memory)
        except TooYoung as refusal:
            return _too_young(request, refusal)
        except Refusal as refusal:
            form.add_error(_FIELD_OF.get(type(refusal)), str(refusal))
            status = refusal.status
    programme = the_programme()
    context = {
        "form": form,
        "programme": programme,
        "standing": card_page.Standing.of(programme, 0),
        "offered": offered,
    }
    response = render(request, "loyalty/public/join.html", context, status=status)
    response["Cache-Control"] = "no-store"
    if offered:
        response["X-Robots-Tag"] = "noindex, nofollow"
        first_touch.remember(response, memory)
    return response


def _shown_card(card: Card, memory: first_touch.Memory) -> HttpResponse:
    """The card at once. The cookie lets the tap in the message know this browser again."""
    response = HttpResponseRedirect(f"/c/{card.token}/")
    response.set_cookie(
        SHOWN,
        card.token,
        max_age=30 * 24 * 3600,
        path="/v/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    if memory.touch:
        first_touch.remember(response, memory.hold(card.number))
    return response


@customers
@require_safe
@private
def card(request: ShopRequest, token: str) -> HttpResponse:
    """The card: its stamps, what is won, the code to show."""
    if token.startswith(live_code.SIGN):
        return _code_seen(request, token)
    face = card_page.face_of(token)
    if face is None:
        raise _Gone
    if face.merged:
        return HttpResponseRedirect(f"/c/{_card(token).token}/")
    now = timezone.now()
    context = {
        "face": face,
        "qr": card_page.code_of(request.shop, live_code.code_of(face.number, now)),
        "left": _milliseconds(live_code.left(now)),
        "new_link": "lien" in request.GET,
        "counter": _may(request, Right.COUNTER),
        "owner": _may(request, Right.SHOP_SETTINGS),
        "wallets": pocket.wallets_for(request.shop, request.headers.get("User-Agent", "")),
        "news_key": key_of(request.shop),
    }
    return render(request, "loyalty/public/card.html", context)


@customers
@require_safe
@private
def apple_pass(request: ShopRequest, token: str) -> HttpResponse:
    """The card for the phone's own wallet; the same pass however often it is asked for."""
    signer = standing(request.shop)
    if signer is None:
        raise Http404
    now = timezone.now()
    held = pocket.issued(_card(token), request.shop, now, signer.pass_type)
    return pass_file(request, held)


@customers
@require_safe
@private
def google_pass(request: ShopRequest, token: str) -> HttpResponse:
    """To Google, which asks whether to save the card; it knows the card by then."""
    keeper = accounts.standing(request.shop)
    if keeper is None:
        raise Http404
    now = timezone.now()
    held = pocket.issued(_card(token), request.shop, now)
    return HttpResponseRedirect(save_link(held, request.shop, keeper.issuer, now))


@customers
@require_safe
@private
def code(request: ShopRequest, token: str) -> HttpResponse:
    """The code that the open card shows now, and for how many milliseconds still."""
    number, now = _card(token).number, timezone.now()
    drawn = card_page.code_of(request.shop, live_code.code_of(number, now))
    left = str(_milliseconds(live_code.left(now)))
    return HttpResponse(drawn, "image/svg+xml", headers={"Code-Left": left})


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _code_seen(request: ShopRequest, read: str) -> HttpResponse:
    """An open card's code, read by a phone's own camera: for the team the card, else a word."""
    if _may(request, Right.COUNTER):
        return HttpResponseRedirect(f"/comptoir/scan/?code={read}")
    context = {
        "title": _("Ce code se montre au comptoir"),
        "sentence": _("Il vaut deux minutes, et c’est la boutique qui le scanne."),
        "action": _("Retrouver ma carte"),
    }
    return render(request, "loyalty/public/sorry.html", context, status=404)


@customers
@require_safe
@private
def refer(request: ShopRequest, token: str) -> HttpResponse:
    """« Parrainez un ami » : one's own link and its code, and how many friends came by it."""
    found, promise, now = _card(token), the_programme().promise, timezone.now()
    if promise is None:
        return HttpResponseRedirect(f"/c/{found.token}/")
    code = first_touch.code_of(found.number)
    context = {
        "card": found,
        "promise": promise,
        "link": f"{request.shop.url}/p/{code}/",
        "qr": card_page.code_of(request.shop, code, door="p"),
        "brought": referral_queries.brought_by(found.contact),
    }
    response = render(request, "loyalty/public/refer.html", context)
    first_touch.remember(response, first_touch.remembered(request, now).hold(found.number))
    return response


def _may(request: ShopRequest, right: Right) -> bool:
    """Someone of the team looks at it; costs a query only where there is a session."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    membership = request.membership  # type: ignore[attr-defined]
    return bool(membership and membership.may(right))


def _card(token: str) -> Card:
    found = card_page.card_with(token)
    if found is None:
        raise _Gone
    return found


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@private
def my_data(request: ShopRequest, token: str) -> HttpResponse:
    """What the shop knows of the holder, and their first name corrected."""
    found = _card(token)
    form = NameForm(initial={"first_name": found.contact.first_name}, label_suffix="")
    if request.method == "POST":
        form = NameForm(request.POST, label_suffix="")
        if form.is_valid():
            proving.correct_name(found.contact, form.cleaned_data["first_name"])
            return HttpResponseRedirect(f"/c/{found.token}/donnees/?enregistre=1")
    context = {
        "card": found,
        "contact": found.contact,
        "offers": [
            (way.by, ConsentState(way.consent_of(found.contact)).label)
            for way in channels.of(found.contact, request.shop)
        ],
        "addresses": card_page.addresses_of(found.contact),
        "spent": spending(found.contact, timezone.now()),
        "form": form,
        "saved": "enregistre" in request.GET,
    }
    status = 422 if form.errors else 200
    return render(request, "loyalty/public/data.html", context, status=status)


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@private
def renew(request: ShopRequest, token: str) -> HttpResponse:
    """A new link for the card, after a page that says what it does."""
    found = _card(token)
    if request.method == "POST":
        fresh = proving.renew_link(found, client_address=client_address(request))
        return HttpResponseRedirect(f"/c/{fresh.token}/?lien=1")
    return render(request, "loyalty/public/renew.html", {"card": found})


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@private
def verify(request: ShopRequest, token: str) -> HttpResponse:
    """The link of a message. Opening it changes nothing (scanners open links): the button does."""
    if request.method == "POST":
        found = proving.confirm(token, shown=request.COOKIES.get(SHOWN, ""))
        return HttpResponseRedirect(f"/c/{found.token}/")
    joining = proving.joining_of(token)
    if joining.confirmed_at is not None:
        return HttpResponseRedirect(f"/c/{proving.card_behind(joining).token}/")
    context = {"joining": joining, "by": channels.by(joining.agreed)}
    return render(request, "loyalty/public/verify.html", context)


@customers
@require_POST
@private
def decline(request: ShopRequest, token: str) -> HttpResponse:
    """« Ce n’est pas moi » : the link ends."""
    proving.decline(token)
    context = {
        "title": _("C’est noté"),
        "sentence": _("Votre numéro ou votre e-mail n’est pas retenu. Vous pouvez fermer la page."),
        "action": "",
    }
    return render(request, "loyalty/public/sorry.html", context)
