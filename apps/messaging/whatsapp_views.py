"""The owner's page about WhatsApp: on or off, what to do at Twilio, and the templates."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.money import show_euros
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.messaging import templates
from apps.messaging.channels import sending
from apps.messaging.forms import TemplateForm, WhatsAppForm
from apps.messaging.models import Template
from apps.messaging.providers.urls import reply_url
from apps.shops.services import change_settings


def _page(
    request: TeamRequest,
    form: WhatsAppForm | None = None,
    new: TemplateForm | None = None,
) -> HttpResponse:
    shop = request.shop
    refused = form is not None or new is not None
    context = {
        "section": "settings",
        "tab": "whatsapp",
        "form": form or WhatsAppForm(shop=shop),
        "new": new or TemplateForm(),
        "closed": shop.sells_alcohol and not shop.whatsapp_alcohol,
        "is_on": sending("whatsapp").offered(shop),
        "price": show_euros(round(shop.whatsapp_price_tenths / 10)),
        "reply_url": reply_url(shop.callback_token),
        "templates": Template.objects.filter(retired_at=None).order_by("-pk"),
        "home": templates.home_of(shop),
        "variables": [f"{{{name}}}" for name in templates.SAMPLES],
    }
    return render(request, "messaging/whatsapp.html", context, status=422 if refused else 200)


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def whatsapp(request: TeamRequest) -> HttpResponse:
    """On or off; a shop that sells alcohol reads why it is closed to it."""
    if request.method != "POST":
        return _page(request)
    form = WhatsAppForm(request.POST, shop=request.shop)
    if not form.is_valid():
        return _page(request, form)
    change_settings(shop=request.shop, by=actor(request), values=form.cleaned_data)
    messages.success(request, _("Vos réglages sont enregistrés."))
    return redirect("settings_whatsapp")


@door(Right.SHOP_SETTINGS)
@require_POST
def template_new(request: TeamRequest) -> HttpResponse:
    """A text is handed in for approval."""
    new = TemplateForm(request.POST)
    if new.is_valid():
        try:
            templates.create(**new.cleaned_data, by=actor(request), now=timezone.now())
        except Refusal as refusal:
            new.add_error("text", str(refusal))
        else:
            messages.success(request, _("Votre modèle part chez WhatsApp, qui l’examine."))
            return redirect("settings_whatsapp")
    return _page(request, new=new)


@door(Right.SHOP_SETTINGS)
@require_POST
def template_look(request: TeamRequest, pk: int) -> HttpResponse:
    """Ask WhatsApp once more, now."""
    by, now = actor(request), timezone.now()
    templates.ask_again(get_object_or_404(Template, pk=pk), request.shop, by=by, now=now)
    messages.success(request, _("La question est posée : la réponse paraît ici dans un instant."))
    return redirect("settings_whatsapp")


@door(Right.SHOP_SETTINGS)
@require_POST
def template_retire(request: TeamRequest, pk: int) -> HttpResponse:
    """No message is written in it any more."""
    templates.retire(get_object_or_404(Template, pk=pk).pk, actor(request), timezone.now())
    messages.success(request, _("Modèle retiré."))
    return redirect("settings_whatsapp")
