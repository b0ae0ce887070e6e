"""A shop's domain at the platform's Brevo account: made known, then authenticated.

Brevo signs nothing, and writes from an address of its own, for a domain that is not
(https://developers.brevo.com/docs/domain-authentication-and-verification).
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

import requests
from django.conf import settings

PATIENCE = (3, 6)  # seconds to connect, to answer: the owner waits


class Silent(Exception):
    """No answer, or none that can be read: nothing is known."""


@dataclass(frozen=True, slots=True)
class Known:
    """``code``: the TXT record that Brevo asks for beside its keys."""

    code: str
    authenticated: bool


def make_known(domain: str) -> Known:
    """What Brevo says of ``domain``, which it knows from now on. Raises ``Silent``."""
    found = _ask("GET", f"senders/domains/{quote(domain)}")
    if found is None:
        _ask("POST", "senders/domains", {"name": domain})
        found = _ask("GET", f"senders/domains/{quote(domain)}")
    try:
        return Known(found["dns_records"]["brevo_code"]["value"], found["authenticated"] is True)
    except (TypeError, KeyError) as error:
        raise Silent from error


def authenticate(domain: str) -> bool:
    """Ask Brevo to look at the DNS now; whether it found all it wants. Raises ``Silent``."""
    return _ask("PUT", f"senders/domains/{quote(domain)}/authenticate") is not None


def _ask(method: str, path: str, said: dict[str, str] | None = None) -> Any:
    """The answer; None when Brevo says no."""
    headers = {"api-key": settings.ANYMAIL["BREVO_API_KEY"], "Accept": "application/json"}
    url = urljoin(settings.ANYMAIL["BREVO_API_URL"], path)
    try:
        answer = requests.request(method, url, json=said, headers=headers, timeout=PATIENCE)
        if answer.status_code in {400, 404}:
            return None
        answer.raise_for_status()
        return answer.json()
    except (requests.RequestException, ValueError) as error:
        raise Silent from error
