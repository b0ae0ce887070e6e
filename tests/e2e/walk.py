"""Every page of the house, from its own URL tables: what a new room brings is walked at once."""

import http.client
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

# Names that are no page of their own to open: they act, stream, lead on, or belong to other
# hosts' tests.
NO_PAGE = re.compile(
    r"^(account_logout|leave|arrive|enter|onward|outward|google_|socialaccount_|admin:)"
)


@dataclass(frozen=True)
class Address:
    name: str
    path: str


def _patterns(
    found: list[URLPattern | URLResolver], before: str
) -> Iterator[tuple[str, URLPattern]]:
    for one in found:
        if isinstance(one, URLResolver):
            yield from _patterns(one.url_patterns, before + str(one.pattern))
        else:
            yield before + str(one.pattern), one


def addresses(urlconf: str, known: Mapping[str, Mapping[str, object]]) -> list[Address]:
    """The addresses of ``urlconf`` that can be filled in.

    ``known``: a URL's name (or its beginning) → the values of its places. An address with a
    place that nobody knows is left out: see ``unknown``.
    """
    return [a for a in _filled(urlconf, known) if a.path and not NO_PAGE.match(a.name)]


def unknown(urlconf: str, known: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Names of pages that the walk has no values for."""
    return [a.name for a in _filled(urlconf, known) if not a.path and not NO_PAGE.match(a.name)]


def _filled(urlconf: str, known: Mapping[str, Mapping[str, object]]) -> Iterator[Address]:
    for route, pattern in _patterns(get_resolver(urlconf).url_patterns, ""):
        name = pattern.name or route
        values = next((v for k, v in known.items() if name.startswith(k)), {})
        yield Address(name, _fill(route, values))


def _fill(route: str, values: Mapping[str, object]) -> str:
    """``c/<str:token>/`` or ``^s/(?P<token>…)/?$`` with its values; empty when one is missing."""
    regex = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")
    places = re.findall(r"<(?:\w+:)?(\w+)>", route)
    if not all(place in values for place in places):
        return ""
    if "(?P" in route or route.startswith("^"):
        route = regex.sub(lambda match: str(values[match[1]]), route)
        route = route.replace("^", "").replace("$", "").replace("/?", "/").replace("\\", "")
    else:
        route = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), route)
    return "/" + route


def is_page(port: int, host: str, path: str, cookies: str) -> bool:
    """Whether GET answers with an HTML page of its own (no redirect, no 404, no download)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Host": f"{host}:{port}", "Cookie": cookies, "Accept": "text/html"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status < 500, f"{host}{path} answers {answer.status}"
        html = (answer.getheader("Content-Type") or "").startswith("text/html")
        return answer.status == 200 and html and b"<html" in body
    finally:
        connection.close()
