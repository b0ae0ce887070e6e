"""The counter: find or scan a person, stamp, undo, give a reward, add somebody."""

import re
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from apps.accounts.requests import TeamRequest, actor
from apps.contacts.models import Contact
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.loyalty.adding import Added, quick_add
from apps.loyalty.card_page import Standing, card_with
from apps.loyalty.forms import GestureForm, QuickAddForm, StampForm
from apps.loyalty.models import Card, Movement, MovementKind, Reward
from apps.loyalty.queries import (
    Line,
    find_people,
    ready_rewards,
    stamped_today,
    undoable,
)
from apps.loyalty.rule import Kind
from apps.loyalty.services import (
    Stamped,
    StampedJustNow,
    add_stamp,
    card_of,
    the_programme,
    undo_stamp,
)
from apps.loyalty.showing import CodeOver, card_shown

# What the QR of a code says: that is for the room above, and its door reads it.
_OTHER_CODE = re.compile(r"https?://[^/]+/comptoir/code/[^/]+/\Z")


def is_lead(request: TeamRequest) -> bool:
    """Who may correct a card may stamp over the rest and undo anyone's stamp."""
    return request.membership.may(Right.EDIT_CONTACTS)


def to_card(card: Card, stamp: Movement | None = None) -> HttpResponseRedirect:
    path = reverse("counter-card", args=[card.pk])
    return HttpResponseRedirect(f"{path}?tampon={stamp.pk}" if stamp else path)


# --- the counter's own page ---------------------------------------------------------------


def _people(request: TeamRequest, **more: Any) -> dict[str, Any]:
    """The list: who was found, else who was stamped today."""
    now, q = timezone.now(), request.GET.get("q", "").strip()[:60]
    searching = len(q) >= 2
    by, lead = actor(request), is_lead(request)
    lines = find_people(q) if searching else stamped_today(by=by, lead=lead, now=now)
    return {
        "q": q,
        "searching": searching,
        "lines": [(line, uuid4() if line.undo else None) for line in lines],
        "programme": the_programme(),
        "digits": "".join(c for c in q if c.isdigit() or c == "+"),
        **more,
    }


@door(Right.COUNTER)
@require_safe
@never_cache
def counter(request: TeamRequest) -> HttpResponse:
    """Search, the last persons stamped today, and the two great buttons."""
    part = "#people" if request.htmx else ""
    return render(request, f"loyalty/counter/home.html{part}", _people(request))


@door(Right.COUNTER)
@require_safe
@never_cache
def scan(request: TeamRequest) -> HttpResponse:
    """``?code=``: a scanned URL or code leads to the person; an unknown one says so, and so does
    one that was worth something two minutes ago. ``remise``: to what is put aside for them."""
    read = request.GET.get("code", "").strip()
    if _OTHER_CODE.match(read):
        return HttpResponseRedirect(f"/comptoir/code/?{urlencode({'code': read})}")
    try:
        card = card_shown(read, by=actor(request), now=timezone.now())
    except CodeOver as over:
        context = {"over": over}
        return render(request, "loyalty/counter/unknown.html", context, status=over.status)
    if card is None:
        return render(request, "loyalty/counter/unknown.html", status=404)
    if "remise" in request.GET:
        return HttpResponseRedirect(f"/comptoir/reservations/?carte={card.pk}")
    return to_card(card)


@door(Right.COUNTER)
@require_safe
def scanner(request: TeamRequest) -> HttpResponse:
    return render(request, "loyalty/counter/scanner.html")


@door(Right.COUNTER)
@require_POST
def open_card(request: TeamRequest, contact_id: int) -> HttpResponse:
    """A person who has no card yet gets one."""
    contact = get_object_or_404(Contact.objects.living(), pk=contact_id)
    return to_card(card_of(contact))


# --- a person -----------------------------------------------------------------------------


# The great button's words, by what is counted.
_STAMP_WORDS = {
    "give": gettext_lazy("Tamponner"),
    "again": gettext_lazy("Encore un tampon"),
    "anyway": gettext_lazy("Tamponner quand même"),
    "undo": gettext_lazy("Annuler le tampon"),
}
_VISIT_WORDS = {
    "give": gettext_lazy("Compter le passage"),
    "again": gettext_lazy("Encore un passage"),
    "anyway": gettext_lazy("Compter quand même"),
    "undo": gettext_lazy("Annuler le passage"),
}
_AMOUNT_WORDS = {
    "give": gettext_lazy("Ajouter l’achat"),
    "again": gettext_lazy("Encore un achat"),
    "anyway": gettext_lazy("Ajouter quand même"),
    "undo": gettext_lazy("Annuler l’achat"),
}
_WORDS = {
    Kind.STAMPS: _STAMP_WORDS,
    Kind.VISITS: _VISIT_WORDS,
    Kind.EUROS: _AMOUNT_WORDS,
    Kind.POINTS: _AMOUNT_WORDS,
}


def _sheet(card: Card, request: TeamRequest, **more: Any) -> dict[str, Any]:
    """What the sheet shows; ``done`` (the stamp just given) spares reading it again."""
    done: Stamped | None = more.get("done")
    programme = done.programme if done else the_programme()
    won = done.reward if done else None
    full = won is not None and not won.step and not programme.counts.by_amount
    standing = Standing.of(programme, programme.goal if full else card.balance)
    now, by, lead = timezone.now(), actor(request), is_lead(request)
    prizes = standing.prizes if programme.is_spent else []
    return {
        "card": card,
        "contact": card.contact,
        "line": Line(card.contact, card),
        "programme": programme,
        "standing": standing,
        "tier": programme.tier_name(card.tier),
        "words": _WORDS[programme.counts],
        "pressed": standing.shown if done else 0,
        "undo": done.movement if done else undoable(card, by=by, lead=lead, now=now),
        "rewards": [won] if won and card.rewards_ready == 1 else ready_rewards(card),
        "affordable": [prize for prize in prizes if prize.reached],
        "lead": lead,
        "token": uuid4(),
        "undo_token": uuid4(),
        **more,
    }


def _render_sheet(
    request: TeamRequest, card: Card, *, status: int = 200, **more: Any
) -> HttpResponse:
    """The sheet alone for htmx, the whole page otherwise."""
    part = "#sheet" if request.htmx else ""
    context = _sheet(card, request, **more)
    return render(request, f"loyalty/counter/person.html{part}", context, status=status)


def card_at(card_id: int) -> Card:
    return get_object_or_404(Card.objects.select_related("contact"), pk=card_id)


def _told(done: Stamped) -> str:
    """The sentence for a stamp; a gesture that comes back late is not told as a new one."""
    if done.reward:
        won = ", ".join(reward.label for reward in done.rewards)
        told = _("Carte pleine ! Récompense gagnée : %(reward)s.")
        if all(reward.step for reward in done.rewards):
            told = _("Palier atteint ! Récompense gagnée : %(reward)s.")
        return told % {"reward": won}
    if done.repeated and (timezone.now() - done.movement.at).total_seconds() > 60:
        return _("Ce tampon était déjà enregistré : rien n’a été ajouté.")
    said, programme = done.programme.counts.said, done.programme
    if programme.counts.by_amount:
        told = _("%(units)s en plus : la carte en est à %(balance)s.")
        units = done.movement.stamps + done.bonus
        return told % {"units": said(units), "balance": said(done.card.balance)}
    told = _("Tampon ajouté : %(stamps)d sur %(goal)d.")
    if programme.counts == Kind.VISITS:
        told = _("Passage compté : %(stamps)d sur %(goal)d.")
    if done.bonus:
        told = _("Heure de bonus, %(times)d d’un coup : %(stamps)d sur %(goal)d.")
    times = done.movement.stamps + done.bonus
    return told % {"stamps": done.card.balance, "goal": programme.goal, "times": times}


def _stamp_shown(request: TeamRequest, card: Card) -> Stamped | None:
    """The stamp this page was redirected from, so that a reload shows and adds nothing new."""
    number = request.GET.get("tampon", "")
    if not number.isdigit():
        return None
    stamp = Movement.objects.filter(pk=number, card=card, undone_by=None).first()
    fresh = stamp is not None and (timezone.now() - stamp.at).total_seconds() < 60
    if stamp is None or not fresh:
        return None
    bonus = sum(line.stamps for line in stamp.followed_by.filter(kind=MovementKind.BONUS))
    won = list(Reward.objects.ready().filter(won_by__follows=stamp).order_by("pk"))
    return Stamped(stamp, card, the_programme(), won, bonus, repeated=True)


@door(Right.COUNTER)
@require_safe
@never_cache
def person(request: TeamRequest, card_id: int) -> HttpResponse:
    """A person's card, and the great button."""
    card = card_at(card_id)
    if card.contact.merged_into_id:
        living = card_with(card.token)
        if living is not None:
            return to_card(living)
    done = _stamp_shown(request, card)
    more: dict[str, Any] = {"done": done, "notice": _told(done)} if done else {}
    return _render_sheet(request, card, **more)


@door(Right.COUNTER)
@require_POST
def stamp(request: TeamRequest, card_id: int) -> HttpResponse:
    form = StampForm(request.POST)
    if not form.is_valid():
        typed = request.POST.get("amount", "")
        card = card_at(card_id)
        return _render_sheet(request, card, status=422, error=form.sentence, amount=typed)
    lead = is_lead(request)
    try:
        done = add_stamp(
            card=Card(pk=card_id),
            token=form.cleaned_data["token"],
            by=actor(request),
            now=timezone.now(),
            amount_cents=form.cleaned_data["amount"],
            over_cooldown=lead and form.cleaned_data["anyway"],
        )
    except Card.DoesNotExist as error:
        raise Http404 from error
    except Refusal as refusal:
        anyway = lead and isinstance(refusal, StampedJustNow)
        more: dict[str, Any] = {
            "error": str(refusal),
            "anyway": anyway,
            "amount": request.POST.get("amount", ""),
        }
        return _render_sheet(request, card_at(card_id), status=refusal.status, **more)
    if not request.htmx:
        return to_card(done.card, done.movement)
    return _render_sheet(request, done.card, done=done, notice=_told(done))


@door(Right.COUNTER)
@require_POST
def undo(request: TeamRequest, movement_id: int) -> HttpResponse:
    """Take a stamp back, from the list (``retour=comptoir``) or from the person's page."""
    movement = get_object_or_404(Movement.objects.select_related("card__contact"), pk=movement_id)
    form, on_list = GestureForm(request.POST), request.POST.get("retour") == "comptoir"
    told, error, status = _("Tampon annulé."), "", 200
    if not form.is_valid():
        error, status = form.sentence, 422
    else:
        token, by, now = form.cleaned_data["token"], actor(request), timezone.now()
        try:
            done = undo_stamp(movement=movement, token=token, by=by, now=now, lead=is_lead(request))
        except Refusal as refusal:
            error, status = str(refusal), refusal.status
        else:
            movement.card = done.card
            if done.taken_back:
                told = _("Tampon annulé, et la récompense qu’il donnait retirée.")
    said: dict[str, Any] = {"error": error} if error else {"notice": told}
    if on_list and (request.htmx or error):
        part = "#people" if request.htmx else ""
        context = _people(request, **said)
        return render(request, f"loyalty/counter/home.html{part}", context, status=status)
    if request.htmx or error:
        return _render_sheet(request, movement.card, status=status, **said)
    messages.success(request, told, extra_tags="good")
    return HttpResponseRedirect(reverse("counter")) if on_list else to_card(movement.card)


# --- somebody new -------------------------------------------------------------------------


def _tell_added(request: TeamRequest, added: Added) -> None:
    contact = added.card.contact
    if not added.created:
        messages.info(request, _("Déjà connu : voici sa carte."))
    if contact.phone and not contact.phone_mobile:
        messages.info(request, _("Numéro fixe : il est gardé, sans SMS."), extra_tags="warn")
    if added.refusal:
        messages.warning(request, str(added.refusal), extra_tags="warn")
    if added.sent is False:
        told = _("La carte n’est pas partie par SMS : trop d’envois aujourd’hui.")
        messages.warning(request, told, extra_tags="warn")
    elif added.sent:
        messages.success(request, _("La carte part par SMS."), extra_tags="good")
    if added.created and not added.stamped:
        messages.success(request, _("Contact ajouté."), extra_tags="good")


@door(Right.COUNTER)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def add(request: TeamRequest) -> HttpResponse:
    """A person from a phone number alone, in under ten seconds."""
    region = request.shop.region
    if request.method != "POST":
        initial = {"token": uuid4(), "stamp": True, "phone": request.GET.get("tel", "")[:30]}
        form = QuickAddForm(region=region, initial=initial)
        return render(request, "loyalty/counter/add.html", {"form": form})
    form = QuickAddForm(request.POST, region=region)
    if not form.is_valid():
        return render(request, "loyalty/counter/add.html", {"form": form}, status=422)
    data = form.cleaned_data
    added = quick_add(
        phone=data["phone"],
        token=data["token"],
        by=actor(request),
        now=timezone.now(),
        first_name=data["first_name"],
        tags=form.all_tags(),
        stamp=data["stamp"],
        amount_cents=data["amount"],
        send_card=data["send_card"],
    )
    _tell_added(request, added)
    card = to_card(added.card, added.stamped.movement if added.stamped else None)
    return HttpResponseClientRedirect(card.url) if request.htmx else card
