"""The owner's settings: who the shop is, how it looks, how it writes, where it answers."""

import copy
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.actor import Actor
from apps.core.doors import door, takes
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.shops import domains, mail_identity
from apps.shops.forms import DomainForm, IdentityForm, LookForm, MailForm, MessagesForm
from apps.shops.logo import set_logo
from apps.shops.models import Domain, DomainClaim, hex_colour
from apps.shops.requests import ShopRequest
from apps.shops.services import change_settings
from apps.shops.theme import contrast, ink_on, theme_css

# What « mentions légales » must say (LCEN); the trading name stands in for a legal one.
LEGAL_FIELDS = ("street", "postal_code", "city", "phone", "email", "siren", "publisher")
LOGO_FORM_BYTES = 5_200_000  # a logo of 5 MB and the form around it


def _by(request: HttpRequest) -> Actor:
    return Actor("team", request.user.pk)


def _form_page(
    request: ShopRequest, form_class: type[forms.ModelForm], tab: str, **more: Any
) -> HttpResponse:
    # A copy: a refused form must not rename the shop in the page around it.
    form = form_class(request.POST or None, instance=copy.copy(request.shop))
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in form.fields}
        change_settings(shop=request.shop, by=_by(request), values=values)
        messages.success(request, _("Vos réglages sont enregistrés."))
        return redirect(f"settings_{tab}")
    status = 422 if request.method == "POST" else 200
    unsaid = [name for name in LEGAL_FIELDS if not getattr(request.shop, name)]
    missing = [form[name] for name in unsaid if name in form.fields]
    context = {"section": "settings", "tab": tab, "form": form, "missing": missing, **more}
    return render(request, f"shops/settings_{tab}.html", context, status=status)


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def identity(request: ShopRequest) -> HttpResponse:
    return _form_page(request, IdentityForm, "identity")


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def messages_settings(request: ShopRequest) -> HttpResponse:
    return _form_page(request, MessagesForm, "messages")


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def look(request: ShopRequest) -> HttpResponse:
    return _form_page(request, LookForm, "look", **_legible(request.shop.accent))


def _legible(accent: str) -> dict[str, Any]:
    ink = ink_on(accent)
    ratio = f"{contrast(ink, accent):.1f}".replace(".", ",")
    return {"accent": accent, "ratio": ratio, "dark_ink": ink.startswith("#2")}


def _accent(request: HttpRequest) -> str:
    accent = request.GET.get("accent", "").lower()
    try:
        hex_colour(accent)
    except forms.ValidationError as error:
        raise Http404 from error
    return accent


@door(Right.SHOP_SETTINGS)
@require_safe
def look_preview(request: ShopRequest) -> HttpResponse:
    """The page's part that shows a colour before it is kept."""
    context = {"preview": True, **_legible(_accent(request))}
    return render(request, "shops/settings_look.html#preview", context)


@door(Right.SHOP_SETTINGS)
@require_safe
def look_stylesheet(request: ShopRequest) -> HttpResponse:
    return HttpResponse(theme_css(_accent(request)), content_type="text/css")


@takes(LOGO_FORM_BYTES)
@door(Right.SHOP_SETTINGS)
@require_POST
def logo(request: ShopRequest) -> HttpResponse:
    file = request.FILES.get("logo")
    if file is None and "remove" not in request.POST:
        return _logo_refused(request, _("Choisissez une image."), 422)
    try:
        set_logo(shop=request.shop, file=file, by=_by(request))
    except Refusal as refusal:
        return _logo_refused(request, str(refusal), refusal.status)
    done = _("Votre logo est en place.") if file else _("Votre logo est retiré.")
    messages.success(request, done)
    return redirect("settings_look")


def _logo_refused(request: ShopRequest, sentence: str, status: int) -> HttpResponse:
    context = {
        "section": "settings",
        "tab": "look",
        "form": LookForm(instance=copy.copy(request.shop)),
        "logo_error": sentence,
        **_legible(request.shop.accent),
    }
    return render(request, "shops/settings_look.html", context, status=status)


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def mail_settings(request: ShopRequest) -> HttpResponse:
    """Who the shop's mails come from, and what the DNS says of its own address."""
    form = MailForm(request.POST or None, initial={"mail_from": request.shop.mail_from})
    report = None
    if request.method == "POST" and form.is_valid():
        address = form.cleaned_data["mail_from"]
        try:
            report = mail_identity.adopt(shop=request.shop, address=address, by=_by(request))
            request.shop.refresh_from_db(fields=["mail_from", "mail_proven_at"])
        except Refusal as refusal:
            form.add_error("mail_from", str(refusal))
    refused = request.method == "POST" and report is None
    context = {
        "section": "settings",
        "tab": "mail",
        "form": form,
        "report": report,
        "platform_address": settings.PLATFORM_EMAIL_ADDRESS,
    }
    return render(request, "shops/settings_mail.html", context, status=422 if refused else 200)


@door(Right.SHOP_SETTINGS)
@require_POST
def mail_release(request: ShopRequest) -> HttpResponse:
    mail_identity.release(shop=request.shop, by=_by(request))
    messages.success(request, _("Vos e-mails partent de nouveau de notre adresse."))
    return redirect("settings_mail")


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def domain(request: ShopRequest) -> HttpResponse:
    form = DomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            domains.claim(shop=request.shop, text=form.cleaned_data["domain"], by=_by(request))
            return redirect("settings_domain")
        except Refusal as refusal:
            form.add_error("domain", str(refusal))
    proven = set(Domain.objects.filter(tenant=request.shop).values_list("domain", flat=True))
    claims = DomainClaim.objects.filter(shop=request.shop).order_by("domain")
    context = {
        "section": "settings",
        "tab": "domain",
        "form": form,
        "claims": [(claim, claim.domain in proven) for claim in claims],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "shops/settings_domain.html", context, status=status)


@door(Right.SHOP_SETTINGS)
@require_POST
def domain_prove(request: ShopRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(DomainClaim.objects.select_related("shop"), pk=pk, shop=request.shop)
    try:
        domains.prove(claim=found, by=_by(request))
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("%(domain)s ouvre votre boutique.") % {"domain": found.domain})
    return redirect("settings_domain")


@door(Right.SHOP_SETTINGS)
@require_POST
def domain_release(request: ShopRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(DomainClaim, pk=pk, shop=request.shop)
    domains.release(claim=found, by=_by(request))
    messages.success(request, _("Domaine retiré."))
    return redirect("settings_domain")
