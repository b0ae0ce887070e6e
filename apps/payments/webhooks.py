"""What Stripe posts to the platform's host: verified, stored once, put in line. Decides nothing.

dj-stripe's own view keeps each body before it has looked at the signature, in a table without
walls, and synchronises inside its transaction: this one stores ids, after the signature.
"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.core.doors import public, takes
from apps.payments import events
from apps.payments.providers.stripe import Forged, verified

MAX_EVENT = 512_000  # bytes; an invoice of a hundred lines has a fifth of it


@csrf_exempt
@public
@takes(MAX_EVENT)
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """200 for what Stripe signed for us, known or not, once or again; 400 for anything else."""
    try:
        events.store(verified(request.body, request.headers.get("Stripe-Signature", "")))
    except (Forged, events.NotAnEvent):
        return HttpResponse(status=400)
    return HttpResponse(status=200)
