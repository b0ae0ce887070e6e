"""Pages for requests that no room answers."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def _page(request: HttpRequest, title: str, sentence: str, status: int) -> HttpResponse:
    context = {"title": title, "sentence": sentence}
    return render(request, "refusal.html", context, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    sentence = _(
        "Cette page est restée ouverte trop longtemps. Revenez en arrière, rechargez-la et "
        "recommencez : rien n’a été enregistré."
    )
    return _page(request, _("Page expirée"), sentence, 403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, _("Demande illisible"), _("Cette demande n’a pas pu être lue."), 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    sentence = _("Votre rôle ne permet pas cette action. Demandez à la personne propriétaire.")
    return _page(request, _("Accès réservé"), sentence, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    sentence = _("Cette page n’existe pas, ou son lien a été renouvelé.")
    return _page(request, _("Page introuvable"), sentence, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    sentence = _("Une erreur est survenue de notre côté. Elle est signalée ; réessayez.")
    plain = HttpResponse(sentence, status=500, content_type="text/plain; charset=utf-8")
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        # The database is away, or too long in coming: no page, it would wait for it again.
        plain.status_code, plain["Retry-After"] = 503, "5"
        return plain
    try:
        return _page(request, _("Erreur"), sentence, 500)
    except Exception:  # the page itself may need what is broken (a template)
        return plain
