"""What a member does with their next box, behind the door of their own page."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.catalog.details import WINE_COLOURS
from apps.club import boxes
from apps.club.box_forms import bottles, number
from apps.club.box_models import Box
from apps.club.customer_member_views import opened
from apps.club.models import Member
from apps.core.actor import Actor
from apps.core.doors import customers
from apps.shops.requests import ShopRequest


class ColoursForm(forms.Form):
    refused = forms.MultipleChoiceField(choices=list(WINE_COLOURS.items()), required=False)


@customers
@require_POST
@opened
def box(request: ShopRequest, found: Member, pk: int) -> HttpResponse:
    """Chosen, swapped, left to the shop, put off or wanted after all; a refusal is said there."""
    mine = get_object_or_404(Box, pk=pk, member=found)
    messages.success(request, _act(request, mine, Actor("customer", found.contact_id)))
    return HttpResponseRedirect(f"/club/m/{found.token}/#box")


def _act(request: ShopRequest, mine: Box, by: Actor) -> str:
    act, now = request.POST.get("act", ""), timezone.now()
    if act == "skip":
        boxes.skip(mine.pk, by=by, now=now)
        return _("C’est noté : vous la recevrez avec la suivante.")
    if act == "again":
        boxes.take_again(mine.pk, by=by, now=now)
        return _("C’est noté : cette box est pour vous.")
    if act == "shop":
        boxes.leave_to_shop(mine.pk, by=by, now=now)
        return _("C’est noté : nous choisissons pour vous.")
    if act == "swap":
        out, into = (number(request.POST.get(name, "")) for name in ("out", "into"))
        boxes.swap(mine.pk, out, into, by=by, now=now)
        return _("La bouteille est échangée.")
    boxes.choose(mine.pk, dict(bottles(request.POST)), by=by, now=now)
    return _("Votre choix est enregistré.")


@customers
@require_POST
@opened
def colours(request: ShopRequest, found: Member) -> HttpResponse:
    """Those that this member never wants."""
    form = ColoursForm(request.POST)
    if form.is_valid():
        by = Actor("customer", found.contact_id)
        refused = form.cleaned_data["refused"]
        boxes.refuse_colours(found.pk, refused, by=by, now=timezone.now())
        messages.success(request, _("C’est noté pour vos prochaines box."))
    return HttpResponseRedirect(f"/club/m/{found.token}/#box")
