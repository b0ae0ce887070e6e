"""The counter hands a reward over, won or paid with points, and takes goods back."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.loyalty.forms import RedeemForm, ReturnForm
from apps.loyalty.models import Card, Reward
from apps.loyalty.queries import counter_name, returnable
from apps.loyalty.services import Returned, buy, give_back, redeem, the_programme
from apps.loyalty.views import card_at, to_card


def _ask(
    request: TeamRequest, card: Card, what: dict[str, Any], do: Any, label: str
) -> HttpResponse:
    """Ask once more before a reward is handed over: it cannot be undone."""
    error, status = "", 200
    form = RedeemForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            do(by=actor(request), now=timezone.now(), **form.cleaned_data)
        except Refusal as refusal:
            error, status = str(refusal), refusal.status
        else:
            told = _("Récompense offerte : %(reward)s.") % {"reward": label}
            messages.success(request, told, extra_tags="good")
            return to_card(card)
    elif request.method == "POST":
        error, status = form.sentence, 422
    name = counter_name(card.contact)
    context = {"card": card, "name": name, "label": label, "error": error, "token": uuid4(), **what}
    return render(request, "loyalty/counter/give.html", context, status=status)


@door(Right.COUNTER)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def give(request: TeamRequest, reward_id: int) -> HttpResponse:
    """A reward that was won."""
    reward = get_object_or_404(Reward.objects.select_related("card__contact"), pk=reward_id)

    def do(**gesture: Any) -> None:
        redeem(reward=reward, **gesture)

    what = {"is_alcohol": reward.is_alcohol, "won_at": reward.won_at}
    return _ask(request, reward.card, what, do, reward.label)


@door(Right.COUNTER)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def pay(request: TeamRequest, card_id: int, at: int) -> HttpResponse:
    """A reward paid with the card's points."""
    card, programme = card_at(card_id), the_programme()
    offer = next((one for one in programme.offers if one.at == at), None)
    if offer is None or not programme.is_spent:
        raise Http404

    def do(**gesture: Any) -> None:
        buy(card=card, offer=offer, **gesture)

    said = programme.counts.said
    what = {"is_alcohol": offer.is_alcohol, "price": said(at), "rest": said(card.balance - at)}
    return _ask(request, card, what, do, offer.label)


@door(Right.EDIT_CONTACTS)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def bring_back(request: TeamRequest, card_id: int) -> HttpResponse:
    """Goods come back: of which visit, and for how much."""
    card, now = card_at(card_id), timezone.now()
    visits = returnable(card)
    form = ReturnForm(request.POST or None, visits=[visit.movement.pk for visit in visits])
    error, status = "", 200
    if request.method == "POST" and form.is_valid():
        chosen = next(v.movement for v in visits if v.movement.pk == form.cleaned_data["visit"])
        try:
            done = give_back(
                card=card,
                movement=chosen,
                token=form.cleaned_data["token"],
                by=actor(request),
                now=now,
                amount_cents=form.cleaned_data["amount"],
            )
        except Refusal as refusal:
            error, status = str(refusal), refusal.status
        else:
            messages.success(request, _told(done), extra_tags="good")
            return to_card(card)
    elif request.method == "POST":
        error, status = form.sentence, 422
    context = {
        "card": card,
        "name": counter_name(card.contact),
        "visits": visits,
        "programme": the_programme(),
        "typed": request.POST,
        "error": error,
        "token": uuid4(),
    }
    return render(request, "loyalty/counter/bring_back.html", context, status=status)


def _told(done: Returned) -> str:
    said = the_programme().counts.said
    told = _("Retour enregistré : %(units)s de moins.") % {"units": said(-done.movement.stamps)}
    if done.taken_back:
        gone = ", ".join(reward.label for reward in done.taken_back)
        told += " " + _("Récompense retirée : %(reward)s.") % {"reward": gone}
    if done.let_go:
        told += " " + _("La récompense était déjà offerte : %(units)s ne se reprennent plus.") % {
            "units": said(done.let_go)
        }
    return told
