"""The mailbox page of local mode: what people received, without any account anywhere."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.core.doors import public
from apps.core.jobs import enqueue
from apps.core.mailbox import post_answer
from apps.ops.mailbox import letter, letters
from apps.ops.tasks import answer_letter


def _only_locally() -> None:
    if not settings.LOCAL:
        raise Http404


@public
@never_cache
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """The letters; with ``apres`` only the newer ones, which the page asks for as it stands."""
    _only_locally()
    after = request.GET.get("apres")
    found = letters(after or "")
    if after is not None:
        if not found:
            return HttpResponse(status=204)
        return render(request, "ops/mailbox.html#letters", {"letters": found})
    return render(request, "ops/mailbox.html", {"letters": found})


@public
@require_POST
def answer(request: HttpRequest) -> HttpResponse:
    """What the reader of an SMS or a mail answers; STOP unless something is typed."""
    _only_locally()
    found = letter(request.POST.get("reference", ""))
    if found is None or not found.reply_url:
        raise Http404
    text = request.POST.get("texte", "").strip()[:1000] or "STOP"
    enqueue(answer_letter, post_answer(to=found.reference, text=text))
    messages.success(request, _("« %(text)s » est parti.") % {"text": text})
    return HttpResponseRedirect("/boite/")
