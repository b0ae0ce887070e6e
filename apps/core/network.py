"""Where a request comes from, behind the proxies we were told to trust, and where it may go."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def client_address(request: HttpRequest) -> str:
    """The visitor's address: the entry that our outermost trusted proxy wrote.

    Entries further left are what the visitor claims and are not believed. Of an IPv6 address the
    /64 is said: one line at home holds all of it, and a limit must count it as one.
    """
    hops, address = settings.TRUSTED_PROXIES, str(request.META.get("REMOTE_ADDR", ""))
    if hops:
        chain = [a.strip() for a in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(chain) >= hops and chain[-hops]:
            address = chain[-hops]
    return _counted_as_one(address)


def _counted_as_one(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), 64), strict=False).network_address)


def safe_path(path: str) -> str:
    """``path`` when it stays on the host it is used on, else nothing."""
    stays = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if stays else ""
