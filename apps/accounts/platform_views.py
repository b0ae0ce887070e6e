"""The platform's host, signed in: a person's shops, a new one, the way into each."""

import time
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import team
from apps.accounts.entry_views import NotOfTheTeam
from apps.accounts.forms import NameForm, NewShopForm
from apps.accounts.handover import make_word
from apps.accounts.models import Invitation, Membership, Session
from apps.accounts.requests import TeamRequest
from apps.accounts.services import end_sessions, has_second_factor, open_shop
from apps.core.doors import public, signed_in
from apps.core.network import client_address, safe_path
from apps.core.ratelimit import Limit, allowed, spend
from apps.core.tenancy import across_shops, in_schema
from apps.shops.models import Domain, Shop, Trade
from apps.shops.services import SlugTaken, propose_slug, slug_is_free

NEW_SHOPS = Limit("new_shop", 5, 86_400)
LOOKS = Limit("slug", 120, 600)
JUST_SECONDS = 300
TOKENS = Limit("invitation", 60, 600)


@signed_in
@require_safe
def shops(request: TeamRequest) -> HttpResponse:
    """Every shop of the person, and the invitations that wait for a proven address of theirs."""
    mine = Membership.objects.filter(user=request.user, shop__closed_at=None)
    waiting = Invitation.objects.filter(
        email__in=team.verified_addresses(request.user),
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=timezone.now(),
        shop__closed_at=None,
    )
    with across_shops():
        context = {
            "memberships": list(mine.select_related("shop").order_by("shop__name")),
            "invitations": list(waiting.select_related("shop", "invited_by")),
        }
    return render(request, "accounts/shops.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new_shop(request: TeamRequest) -> HttpResponse:
    """Name the shop; it is made at once, and its own door is the next page."""
    form = NewShopForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        trade, name = form.cleaned_data["trade"], form.cleaned_data["name"].strip()
        slug = form.cleaned_data["slug"] or propose_slug(name)
        if not allowed(NEW_SHOPS, request.user.pk):
            form.add_error(None, _("Cinq boutiques par jour au plus. Revenez demain."))
        else:
            try:
                # A wine merchant sells alcohol: the legal mentions stand from the first minute.
                alcohol = True if trade == Trade.WINE else None
                made = open_shop(
                    user=request.user, name=name, slug=slug, trade=trade, sells_alcohol=alcohol
                )
                return HttpResponseRedirect(f"{made.url}/entree/?vers=/gestion/")
            except SlugTaken as refusal:
                form.add_error("slug", str(refusal))
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/new_shop.html", {"form": form}, status=status)


@signed_in
@require_safe
def address(request: TeamRequest) -> HttpResponse:
    """Whether an address is free, while it is typed; from the name while none is typed."""
    spend(LOOKS, request.user.pk)
    name, typed = request.GET.get("name", "").strip(), request.GET.get("slug", "").strip().lower()
    slug = typed or (propose_slug(name) if name else "")
    context = {"slug": slug, "free": bool(slug) and slug_is_free(slug), "host": None}
    if slug:
        context["host"] = f"{slug}.{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}"
    return render(request, "accounts/new_shop.html#address", context)


@signed_in
@never_cache
@require_safe
def enter_shop(request: TeamRequest, slug: str) -> HttpResponse:
    """Give the shop's host a word for this person; only the shop's own hosts are answered.

    On a phone of the shop (``partage``) nobody's sign-in of the platform stays behind.
    """
    shop = get_object_or_404(Shop, slug=slug, closed_at=None)
    with in_schema(shop.schema_name):
        if not Membership.objects.filter(shop=shop, user=request.user).exists():
            raise NotOfTheTeam()
    state, host = request.GET.get("etat", ""), request.GET.get("hote", "").lower()
    if not state:
        return HttpResponseRedirect(f"{shop.url}/entree/?vers=")
    known = Domain.objects.filter(tenant=shop, domain=host).exclude(verified_at=None)
    if not known.exists():
        raise Http404
    shared = "partage" in request.GET
    if shared and not _just_signed_in(request):
        return _sign_in_anew(request)
    path = safe_path(request.GET.get("vers", ""))
    word = make_word(user=request.user, schema=shop.schema_name, state=state, path=path)
    target = f"{settings.SCHEME}://{host}{settings.PORT_SUFFIX}/entree/arrivee/"
    target += f"?{urlencode({'jeton': word})}"
    if shared:
        logout(request)
    if host == shop.host:
        return HttpResponseRedirect(target)
    # After a sign-in form, form-action would block a redirect to the shop's own domain.
    return render(request, "accounts/onward.html", {"target": target, "on_shop": shop})


def _just_signed_in(request: TeamRequest) -> bool:
    ways = get_authentication_records(request, request.user)
    return any(time.time() - way["at"] < JUST_SECONDS for way in ways)


def _sign_in_anew(request: TeamRequest) -> HttpResponse:
    """Somebody left their sign-in on the shop's phone: whoever comes now types their own."""
    logout(request)
    here = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?{here}")


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: TeamRequest, token: str) -> HttpResponse:
    """Read an invitation; accept it by POST once signed in with the invited address."""
    spend(TOKENS, client_address(request))
    found = team.open_invitation(token)
    signed = request.user.is_authenticated
    if request.method == "POST" and signed:
        membership = team.accept(token=token, user=request.user)
        return HttpResponseRedirect(f"{membership.shop.url}/entree/?vers=")
    here = request.get_full_path()
    context = {
        "invitation": found,
        "on_shop": found.shop,
        "fits": signed and found.email.lower() in team.verified_addresses(request.user),
        "sign_in": f"{settings.LOGIN_URL}?{urlencode({'next': here})}",
        "sign_up": f"/inscription/?{urlencode({'next': here})}",  # no address in an address
    }
    return render(request, "accounts/invitation.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: TeamRequest) -> HttpResponse:
    """The person's account: name, address, password, second factor, open sessions."""
    form = NameForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Votre nom est enregistré."))
        return redirect("account")
    open_sessions = Session.objects.filter(user_id=request.user.pk, expire_date__gt=timezone.now())
    with across_shops():
        sessions = open_sessions.count()
    context = {
        "form": form,
        "address": EmailAddress.objects.get_primary(request.user),
        "second_factor": has_second_factor(request.user),
        "sessions": sessions,
    }
    return render(request, "accounts/account.html", context)


@signed_in
@require_POST
def sign_out_everywhere(request: TeamRequest) -> HttpResponse:
    end_sessions(request.user)
    request.session.flush()
    messages.success(request, _("Toutes vos sessions sont fermées."))
    return HttpResponseRedirect(settings.LOGIN_URL)
