"""What was sent, as the team sees it, and what it must know."""

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest
from apps.core.doors import door
from apps.core.roles import Right
from apps.messaging import queries, services

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
