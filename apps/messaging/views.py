"""What was sent, as the team sees it, and what it must know."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.contacts.models import Contact
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.messaging import answering, conversations, queries, services, telling
from apps.messaging.channels import sending
from apps.messaging.models import Reply
from apps.messaging.replies import mark_read, recognise

PER_PAGE = 50
TABS = (
    ("", _("Tout")),
    ("attente", _("En attente")),
    ("envoyes", _("Envoyés")),
    ("echecs", _("Non envoyés")),
    ("incertains", _("Incertains")),
)
# What an empty tab says: what would stand there, and whether that is good news.
NOTHING = {
    "attente": (_("Rien n’attend"), _("Tout ce qui devait partir est parti.")),
    "envoyes": (_("Rien d’envoyé pour l’instant"), _("Les messages partis se rangeront ici.")),
    "echecs": (_("Aucun échec"), _("Ce qui ne part pas se lira ici, avec la raison.")),
    "incertains": (
        _("Aucun doute"),
        _("De chaque message, nous savons s’il est parti. Un envoi coupé net se lirait ici."),
    ),
}


@door(Right.WRITE_DROPS)
@require_safe
def sendings(request: TeamRequest) -> HttpResponse:
    """Each message with its state and, when it did not arrive, why."""
    stage = request.GET.get("etat", "")
    stage = stage if stage in queries.STAGES else ""
    page = Paginator(queries.sendings(stage), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "messages",
        "tabs": TABS,
        "stage": stage,
        "page": page,
        "nothing": NOTHING.get(stage),
        "alerts": queries.alerts(),
        "notices": telling.notices(request.shop, timezone.now()),
        "unread": conversations.unread(),
    }
    return render(request, "messaging/sendings.html", context)


@door(Right.WRITE_DROPS)
@require_POST
def dismiss_alert(request: TeamRequest, alert_id: int) -> HttpResponse:
    """Seen, or repaired: the line goes; a pause ends."""
    services.dismiss(alert_id)
    if request.htmx:
        context = {"alerts": queries.alerts(), "said": _("C’est noté.")}
        return render(request, "messaging/alerts.html", context)
    back = request.POST.get("vers", "")
    local = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return HttpResponseRedirect(back if local else "/gestion/messages/envois/")


@door(Right.WRITE_DROPS)
@require_safe
def inbox(request: TeamRequest) -> HttpResponse:
    """Who wrote to the shop, the last word first."""
    unread_only = request.GET.get("etat") == "a-lire"
    page = Paginator(conversations.threads(unread_only=unread_only), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "section": "messages",
        "page": page,
        "lines": conversations.lines(page.object_list),
        "unread_only": unread_only,
        "unread": conversations.unread(),
    }
    return render(request, "messaging/inbox.html", context)


@door(Right.WRITE_DROPS)
@require_http_methods(["GET", "HEAD", "POST"])
def conversation(request: TeamRequest, contact_id: int) -> HttpResponse:
    """What a person and the shop wrote to each other; opening it is reading it."""
    contact = get_object_or_404(Contact.objects.select_related("merged_into"), pk=contact_id)
    if contact.merged_into:
        return redirect("conversation", contact.merged_into.pk)
    said = Reply.objects.of(contact)
    last = said.order_by("-at", "-pk").first()
    return _talk(request, last, contact)


@door(Right.WRITE_DROPS)
@require_http_methods(["GET", "HEAD", "POST"])
def stranger(request: TeamRequest, reply_id: int) -> HttpResponse:
    """The same with somebody no record knows; the answer makes one."""
    reply = get_object_or_404(Reply, pk=reply_id)
    if found := recognise(reply):
        return redirect("conversation", found.pk)
    last = Reply.objects.from_same(reply).order_by("-at", "-pk").first()
    return _talk(request, last, None)


def _talk(request: TeamRequest, last: Reply | None, contact: Contact | None) -> HttpResponse:
    error, typed = "", request.POST.get("texte", "")
    if request.method == "POST" and last:
        try:
            answering.answer(
                last, typed, shop=request.shop, token=_token(request), by=actor(request)
            )
        except Refusal as refusal:
            error = str(refusal)
        else:
            messages.success(request, _("Votre réponse est partie."))
            return redirect("conversation", answering.person_of(last, request.shop).pk)
    elif last:
        said = Reply.objects.of(contact) if contact else Reply.objects.from_same(last)
        mark_read(said)
    limited = last is not None and sending(last.channel).answers_within is not None
    until = answering.may_answer_until(last, timezone.now()) if last else None
    context = {
        "section": "messages",
        "contact": contact,
        "last": last,
        "until": until if limited else None,
        "closed": answering.WindowClosed() if limited and until is None else None,
        "lines": conversations.lines_of(contact, last),
        "error": error,
        "typed": typed,
        "token": uuid4(),
        "most": answering.LONGEST,
    }
    return render(request, "messaging/conversation.html", context, status=422 if error else 200)


def _token(request: TeamRequest) -> UUID:
    """The form's own name for this answer: a second tap sends nothing."""
    try:
        return UUID(request.POST.get("token", ""))
    except ValueError:
        return uuid4()
