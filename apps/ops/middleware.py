"""Health, answered before the host is looked up: a probe knows no shop."""

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from apps.core.queries import living, oldest_due, wedged
from apps.core.tenancy import use_public
from apps.shops.ledger import serves_public


class HealthMiddleware:
    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/health/live":
            return JsonResponse({"live": True})
        if request.path == "/health/ready":
            return _ready()
        if request.path == "/health/worker":
            return _worker()
        response: HttpResponse = self.get_response(request)
        return response


def _worker() -> HttpResponse:
    """Whether jobs are taken, by how many workers, and how long the oldest has waited."""
    try:
        use_public()
        alive, waits, stuck = living().count(), oldest_due(), wedged()
    except DatabaseError:
        connection.close()
        return JsonResponse({"working": False}, status=503)
    working = alive > 0 and not stuck
    seconds = round(waits.total_seconds()) if waits else 0
    told = {"working": working, "workers": alive, "oldest_due_seconds": seconds}
    return JsonResponse(told, status=200 if working else 503)


def _ready() -> HttpResponse:
    """Ready when the database answers and its shared tables are not behind this code."""
    try:
        use_public()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        ready = serves_public()
    except Exception:  # whatever is wrong with the database, the answer is the same
        connection.close()
        return JsonResponse({"ready": False}, status=503)
    if not ready:
        reason = "la base est en retard sur le code : manage.py migrate_shops"
        return JsonResponse({"ready": False, "reason": reason}, status=503)
    return JsonResponse({"ready": True})
