"""What the DNS says of a name: the only question Comptoir asks it."""

import dns.exception
import dns.resolver
from django.conf import settings

SECONDS = 3.0


class Silent(Exception):
    """No server answered in time; nothing is known."""


def look_up(name: str, kind: str) -> list[str]:
    """The TXT texts or the CNAME target of ``name``, or nothing. Raises ``Silent``."""
    resolver = dns.resolver.Resolver(configure=not settings.DNS_SERVER)
    if settings.DNS_SERVER:
        host, _, port = settings.DNS_SERVER.rpartition(":")
        resolver.nameservers, resolver.port = [host], int(port)
    try:
        answer = resolver.resolve(name, kind, lifetime=SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise Silent from error
    if kind == "TXT":
        return [b"".join(record.strings).decode("ascii", "replace") for record in answer]
    return [record.target.to_text(omit_final_dot=True).lower() for record in answer]
