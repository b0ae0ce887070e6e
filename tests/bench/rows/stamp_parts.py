"""What each part of a stamp costs: the stack with one part taken out, in turn with the whole.

In this process and in one shop; the parts that are left do exactly what they did. A request of
each in turn, and the middle of many: what drifts on the machine is in all of them.
"""

import io
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from unittest import mock

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings

from apps.accounts.models import Membership
from apps.accounts.sessions import SessionStore
from apps.core.tenancy import in_schema
from tests.bench.ground import Ground
from tests.bench.people import shops, stamps, tidy
from tests.bench.report import Row

EACH, WARM = 400, 50
HERE = "tests.bench.rows.stamp_parts"
standing: dict[str, object] = {}


class KnownShop:
    """Instead of the host's lookup and the step into its schema."""

    def __init__(self, get_response: Callable) -> None:
        self.get_response = get_response

    def __call__(self, request):  # type: ignore[no-untyped-def]
        request.shop = request.tenant = standing["shop"]
        request.is_admin_host, request.urlconf = False, settings.ROOT_URLCONF
        return self.get_response(request)


class KnownPerson:
    """Instead of session, sign-in and role."""

    def __init__(self, get_response: Callable) -> None:
        self.get_response = get_response

    def __call__(self, request):  # type: ignore[no-untyped-def]
        request.session = SessionStore()
        request.user, request.membership = standing["user"], standing["membership"]
        return self.get_response(request)


def _instead(**others: str) -> AbstractContextManager:
    """The middleware with some replaced by ``others``, or left out where empty."""
    chosen = [(one, others.get(one.rpartition(".")[2], one)) for one in settings.MIDDLEWARE]
    return override_settings(MIDDLEWARE=[new for _old, new in chosen if new])


_NOTHING = mock.Mock(return_value=None)
PARTS: dict[str, Callable[[], AbstractContextManager]] = {
    "whole": nullcontext,
    "host and step into the schema": lambda: _instead(HostMiddleware=f"{HERE}.KnownShop"),
    "session, person and role": lambda: _instead(
        HostSessionMiddleware=f"{HERE}.KnownPerson", PersonMiddleware=""
    ),
    "CSRF": lambda: _instead(CsrfViewMiddleware=""),
    "gzip": lambda: _instead(GZipMiddleware=""),
    "template": lambda: mock.patch(
        "apps.loyalty.views._render_sheet", return_value=HttpResponse("·")
    ),
    "trail": lambda: mock.patch("apps.loyalty.services.record", _NOTHING),
    "job": lambda: mock.patch("apps.loyalty.services.announce", _NOTHING),
}


def measure(ground: Ground) -> Iterator[Row]:
    (place,) = shops(ground, 1)
    user = place.helpers[0].user
    with in_schema(place.shop.schema_name):
        membership = Membership.objects.get(user=user, shop=place.shop)
    standing.update(shop=place.shop, user=user, membership=membership)
    handlers = {}
    for name, without in PARTS.items():
        with without():
            handlers[name] = WSGIHandler()
    costs: dict[str, list[tuple[int, int]]] = {name: [] for name in PARTS}
    for wanted in zip(
        *[map(_environ, stamps([place])(EACH * len(PARTS)))] * len(PARTS), strict=True
    ):
        for (name, without), environ in zip(PARTS.items(), wanted, strict=True):
            with without():
                costs[name].append(_cost(handlers[name], environ))
    tidy(ground, [place.shop])
    connection.close()
    middle = {
        name: [_middle(both[at] for both in found) for at in (0, 1)]
        for name, found in costs.items()
    }
    app, waiting = middle.pop("whole")
    value = f"{app:.2f} ms of CPU + {waiting:.2f} ms waiting for PostgreSQL"
    yield Row("a stamp, in this process", "", value, True)
    for name, (less_app, less_waiting) in middle.items():
        value = f"{app - less_app:.2f} + {waiting - less_waiting:.2f} ms"
        share = (app + waiting - less_app - less_waiting) / (app + waiting)
        yield Row(f"of it: {name}", "", f"{share:.0%} ({value})", True)


def _middle(nanoseconds: Iterable[int]) -> float:
    """Milliseconds; the first requests warm up."""
    return statistics.median(list(nanoseconds)[WARM:]) / 1e6


def _cost(handler: WSGIHandler, environ: dict[str, object]) -> tuple[int, int]:
    """Nanoseconds of one request: our CPU, and what else passed."""
    began, app = time.perf_counter_ns(), time.process_time_ns()
    answer = handler(environ, lambda status, headers, error=None: None)
    assert answer.status_code == 200, answer.content
    answer.close()
    app = time.process_time_ns() - app
    return app, time.perf_counter_ns() - began - app


def _environ(raw: bytes) -> dict[str, object]:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _version = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    environ: dict[str, object] = {
        "HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()
    }
    return environ | {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "bench",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": headers["Content-Type"],
        "CONTENT_LENGTH": headers["Content-Length"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
    }
