"""The team's doors to the bookkeeper: connect, what was sent, what was refused and why."""

from collections.abc import Callable
from datetime import date
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door, public
from apps.core.refusal import Refusal
from apps.core.roles import Right, may
from apps.core.tokens import new_token
from apps.invoicing import access, bookkeeping
from apps.invoicing.access import Tokens
from apps.invoicing.providers.base import Later, ShutOut, Uncertain
from apps.invoicing.push_forms import ConnectForm
from apps.invoicing.push_models import Bookkeeper, Delivery, Standing
from apps.invoicing.push_queries import FILTERS, listed, sealed_since, tally
from apps.invoicing.targets import GRANT, NOTHING, TARGETS, Target, folder_here, offered

PAGE = 50
LABELS = (
    ("", "Toutes"),
    ("refusees", "Refusées"),
    ("attente", "En attente"),
    ("envoyees", "Envoyées"),
)
SALT = "comptoir.pennylane"
GRANT_SECONDS = 900  # the owner signs in over there first
_ASKED = "bookkeeper_grant"  # in the session


@door(Right.INVOICES)
@require_safe
def push(request: TeamRequest) -> HttpResponse:
    """Where the books are kept and how far it is; without one, those one may choose."""
    keeper = bookkeeping.current()
    if keeper is None:
        return _choose(request)
    part = "#progress" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"invoicing/push.html{part}", _told(request, keeper))


def _told(request: TeamRequest, keeper: Bookkeeper) -> dict[str, object]:
    told, target = tally(keeper), TARGETS[keeper.target]
    chosen = request.GET.get("etat", "")
    chosen = chosen if chosen in FILTERS else ""
    page = Paginator(listed(keeper, chosen), PAGE).get_page(request.GET.get("page"))
    return {
        **_frame(request),
        "keeper": keeper,
        "target": target,
        "tally": told,
        "moves": told.moves and keeper.standing == Standing.ACTIVE,
        "chosen": chosen,
        "page": page,
        "filters": LABELS,
        "again": ConnectForm(target, initial={"since": keeper.since}),
        "shows_pieces": target.way == NOTHING,
    }


def _frame(request: TeamRequest) -> dict[str, object]:
    is_owner = may(request.membership.role, Right.SHOP_SETTINGS)
    return {"section": "invoices", "tab": "books", "is_owner": is_owner}


def _choose(
    request: TeamRequest, typed: ConnectForm | None = None, status: int = 200
) -> HttpResponse:
    forms = [
        (one, typed if typed and typed.prefix == one.code else ConnectForm(one))
        for one in offered()
    ]
    since = timezone.localdate().replace(month=1, day=1)
    context = {**_frame(request), "forms": forms, "since": since, "count": sealed_since(since)}
    return render(request, "invoicing/push_choose.html", context, status=status)


# --- connecting ------------------------------------------------------------------------------


def _offered(code: str) -> Target:
    found = next((one for one in offered() if one.code == code), None)
    if found is None:
        raise Http404
    return found


@door(Right.SHOP_SETTINGS)
@require_POST
def connect(request: TeamRequest, target: str) -> HttpResponse:
    """By a key that was typed at once; else on to the page where the owner says yes."""
    chosen = _offered(target)
    form = ConnectForm(chosen, request.POST)
    if not form.is_valid():
        return _choose(request, form, 422)
    since = form.cleaned_data["since"]
    if chosen.way == GRANT:
        return _ask_for_grant(request, since)
    try:
        _connect(request, chosen, Tokens(form.cleaned_data.get("key", "")), since)
    except Refusal as refusal:
        form.add_error("key" if "key" in form.fields else None, str(refusal))
        return _choose(request, form, refusal.status)
    return redirect("push")


def _connect(request: TeamRequest, target: Target, tokens: Tokens, since: date) -> None:
    keeper = bookkeeping.connect(
        shop=request.shop,
        target=target,
        tokens=tokens,
        since=since,
        by=actor(request),
        now=timezone.now(),
    )
    said = f"{target.name} est branché sur les comptes de {keeper.company}."
    messages.success(request, said, extra_tags="good")


def _ask_for_grant(request: TeamRequest, since: date) -> HttpResponse:
    """The state names the host to come back to, and only this session knows the rest of it."""
    word = {"host": request.get_host(), "nonce": new_token()}
    state, verifier = signing.dumps(word, salt=SALT), access.new_verifier()
    request.session[_ASKED] = {"state": state, "verifier": verifier, "since": since.isoformat()}
    return HttpResponseRedirect(access.authorize_url(state, verifier))


@public
@require_safe
def pennylane_return(request: HttpRequest) -> HttpResponse:
    """On the platform's host, the one Pennylane knows: on to the shop that asked."""
    try:
        word = signing.loads(request.GET.get("state", ""), salt=SALT, max_age=GRANT_SECONDS)
    except signing.BadSignature as error:
        raise Http404 from error
    told = urlencode({name: request.GET.get(name, "") for name in ("code", "state")})
    path = reverse("push_return", urlconf=settings.ROOT_URLCONF)
    return HttpResponseRedirect(f"{settings.SCHEME}://{word['host']}{path}?{told}")


@door(Right.SHOP_SETTINGS)
@never_cache
@require_safe
def push_return(request: TeamRequest) -> HttpResponse:
    """Back with a code, or without one. Only the session that asked may trade it, and once."""
    asked = request.session.pop(_ASKED, None)
    code, state = request.GET.get("code", ""), request.GET.get("state", "")
    if not asked or not constant_time_compare(asked["state"], state):
        messages.warning(request, "Ce passage a expiré ou a déjà servi : recommencez.")
    elif not code:
        messages.warning(request, "Vous n’avez pas donné l’accès : rien n’est branché.")
    else:
        try:
            tokens = access.traded(code, asked["verifier"])
            since = date.fromisoformat(asked["since"])
            _connect(request, TARGETS["pennylane"], tokens, since)
        except (ShutOut, Later, Uncertain):
            messages.warning(request, "Pennylane n’a pas confirmé cet accès : recommencez.")
        except Refusal as refusal:
            messages.warning(request, str(refusal))
    return redirect("push")


# --- once it is connected ----------------------------------------------------------------------


@door(Right.INVOICES)
@require_POST
def push_pause(request: TeamRequest) -> HttpResponse:
    """Nothing leaves until it goes on."""
    return _done(request, lambda: bookkeeping.pause(by=actor(request)), "L’envoi est en pause.")


@door(Right.INVOICES)
@require_POST
def push_resume(request: TeamRequest) -> HttpResponse:
    """On where it stood."""
    return _done(
        request,
        lambda: bookkeeping.resume(by=actor(request), now=timezone.now()),
        "L’envoi reprend.",
    )


@door(Right.SHOP_SETTINGS)
@require_POST
def push_leave(request: TeamRequest) -> HttpResponse:
    """Nothing leaves any more and the keys are forgotten."""
    return _done(
        request,
        lambda: bookkeeping.leave(shop=request.shop, by=actor(request)),
        "Débranché : les clés sont effacées, ce qui est envoyé reste là-bas.",
    )


@door(Right.INVOICES)
@require_POST
def push_retry(request: TeamRequest) -> HttpResponse:
    """One refused piece again, or all of them."""
    typed = request.POST.get("piece", "")
    if typed and not typed.isdecimal():
        raise Http404
    pk = int(typed) if typed else None
    return _done(
        request,
        lambda: bookkeeping.retry(pk=pk, by=actor(request), now=timezone.now()),
        "C’est remis en route : la réponse arrive dans la minute.",
    )


def _done(request: TeamRequest, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, said, extra_tags="good")
    return redirect("push")


@door(Right.INVOICES)
@require_safe
def push_piece(request: TeamRequest, pk: int) -> HttpResponse:
    """What came in the folder of this machine, as it came."""
    found = get_object_or_404(Delivery, pk=pk, bookkeeper__target="local")
    whole = folder_here().read(found.reference)
    if not whole:
        raise Http404
    context = {**_frame(request), "delivery": found, "whole": whole}
    return render(request, "invoicing/push_piece.html", context)
