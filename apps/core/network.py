"""Where a request comes from, behind the number of proxies we were told to trust."""

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The visitor's address: the entry that our outermost trusted proxy wrote.

    Entries further left are what the visitor claims and are not believed.
    """
    hops = settings.TRUSTED_PROXIES
    if hops:
        chain = [a.strip() for a in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(chain) >= hops and chain[-hops]:
            return str(chain[-hops])
    return str(request.META.get("REMOTE_ADDR", ""))
