"""What each part of a stamp costs: the stack with one part taken out, in turn with the whole.

In this process and in one shop, by CPU: the parts that are left do exactly what they did.
"""

import io
import statistics
import time
from collections.abc import Callable, Iterator
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
from tests.bench.people import Place, shops, stamps, tidy
from tests.bench.report import Row

ROUNDS, REQUESTS = 5, 150
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
    import tests.bench.app  # noqa: F401  a job after each stamp

    (place,) = shops(ground, 1)
    user = place.helpers[0].user
    with in_schema(place.shop.schema_name):
        membership = Membership.objects.get(user=user, shop=place.shop)
    standing.update(shop=place.shop, user=user, membership=membership)
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in PARTS}
    for turn in range(ROUNDS + 1):
        for name, without in PARTS.items():
            with without():
                cost = _cost(ground, place)
            if turn:
                costs[name].append(cost)
    connection.close()
    app, database = (statistics.median(one[at] for one in costs["whole"]) for at in (0, 1))
    yield Row("a stamp, in this process", "", f"{app:.2f} + {database:.2f} ms app + database", True)
    for name in list(PARTS)[1:]:
        pairs = list(zip(costs["whole"], costs[name], strict=True))
        shares = [1 - sum(less) / sum(whole) for whole, less in pairs]
        share = statistics.median(shares)
        value = f"{share:.0%} ({share * (app + database):.2f} ms)"
        yield Row(f"of it: {name}", "", value, True)


def _cost(ground: Ground, place: Place) -> tuple[float, float]:
    """CPU milliseconds a request: ours, and PostgreSQL's."""
    tidy(ground, [place.shop])
    handler = WSGIHandler()
    wanted = [_environ(raw) for raw in stamps([place])(REQUESTS)]
    before, app = ground.database_cpu(), time.process_time()
    for environ in wanted:
        answer = handler(environ, lambda status, headers, error=None: None)
        assert answer.status_code == 200, answer.content
        answer.close()
    app = time.process_time() - app
    return app * 1000 / REQUESTS, (ground.database_cpu() - before) * 1000 / REQUESTS


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
