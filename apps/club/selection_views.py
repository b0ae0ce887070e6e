"""What the shop offers the members of one plan in one round: bottles added, counted, sorted."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from apps.accounts.requests import TeamRequest, actor
from apps.catalog.details import facet_words
from apps.catalog.models import Product
from apps.club import rounds
from apps.club.box_forms import bottles, number
from apps.club.box_models import Round, Selection
from apps.club.models import ClubPlan
from apps.club.rounds import OfferWords
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right

FOUND = 12
LONGEST = 600


@door(Right.CLUB)
@require_http_methods(["GET", "HEAD", "POST"])
def box_selection(request: TeamRequest, pk: int, plan_id: int) -> HttpResponse:
    """Every gesture is kept at once: a bottle more, one less, how many of it go in."""
    one, plan = get_object_or_404(Round, pk=pk), get_object_or_404(ClubPlan, pk=plan_id)
    error = ""
    if request.method == "POST":
        try:
            words = request.POST.get("words", "").strip()[:LONGEST]
            rounds.select(one.pk, plan, _typed(request), words=words, by=actor(request))
            return redirect("club_selection", one.pk, plan.pk)
        except Refusal as refusal:
            error = str(refusal)
    selection = Selection.objects.filter(round=one, plan=plan).first()
    offers = list(selection.offers.select_related("variant__product")) if selection else []
    text = request.GET.get("q", "").strip()[:60]
    others = rounds.suitable(plan).exclude(pk__in=[offer.variant_id for offer in offers])
    if text:
        others = others.filter(product__in=Product.objects.matching(text))
    context = {
        "section": "club",
        "round": one,
        "plan": plan,
        "selection": selection,
        "offers": [(one, facet_words("colour", one.variant.product.colour)) for one in offers],
        "usual": sum(offer.usual for offer in offers),
        "page": Paginator(others, FOUND).get_page(request.GET.get("page")),
        "q": text,
        "error": error,
    }
    part = "#found" if request.htmx else ""
    return render(request, f"club/selection.html{part}", context, status=422 if error else 200)


def _typed(request: TeamRequest) -> list[OfferWords]:
    """The list as it stands on the page, with what the button does to it: ``add``, ``remove`` or
    ``up`` and a variant."""
    offers = [OfferWords(*row) for row in bottles(request.POST, "usual")]
    act, _, named = request.POST.get("act", "").partition(":")
    place = next((n for n, one in enumerate(offers) if one.variant_id == number(named)), None)
    if act == "add" and place is None:
        offers.append(OfferWords(number(named), 0))
    elif act == "remove" and place is not None:
        offers.pop(place)
    elif act == "up" and place:
        offers.insert(place - 1, offers.pop(place))
    return offers
