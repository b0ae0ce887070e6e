"""Structured logs: one JSON object a line, with request id, shop and job, and no person."""

import json
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")
job_name: ContextVar[str] = ContextVar("job_name", default="")
shop_schema: ContextVar[str] = ContextVar("shop_schema", default="")

# A last net, not the rule: messages are written with ids. It catches what a library or
# the database puts into an exception's text (« Key (phone)=(+336…) already exists »).
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+|\+?\d[\d .()-]{7,}\d|(?<=\)=\()[^)]*(?=\))|(?<=jeton=)[\w:.-]+"
    # What opens a door by being known: « Not Found: /c/<22 signs>/ ».
    r"|(?<=/)[\w-]{20,}(?=/|$|\s)"
)


def scrub(text: str) -> str:
    """``text`` without what looks like an address, a number or a row's values."""
    return _PERSONAL.sub("…", text)


@contextmanager
def job_context(schema: str, name: str, request: str = "") -> Iterator[None]:
    """``request``: the id of the request that caused the job, so that one search finds both."""
    shop, job = shop_schema.set(schema), job_name.set(name)
    cause = request_id.set(request)
    try:
        yield
    finally:
        request_id.reset(cause)
        shop_schema.reset(shop)
        job_name.reset(job)


def _event(record: logging.LogRecord) -> str:
    """The message. Django's and gunicorn's own lines quote the path, and paths carry tokens:
    the route stands in its place."""
    if record.name.startswith(("django.", "gunicorn.")) and isinstance(record.args, tuple):
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        route = match.route if match else "…"
        told = (route if isinstance(a, str) and a.startswith("/") else a for a in record.args)
        return scrub(str(record.msg) % tuple(told) if record.args else str(record.msg))
    return scrub(record.getMessage())


class ContextFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        record.job = job_name.get()
        record.shop = shop_schema.get()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
        }
        for name in ("request_id", "shop", "job", "status", "method", "view", "ms"):
            value = getattr(record, name, "")
            if value not in ("", None):
                line[name] = value if isinstance(value, int | float | str) else str(value)
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            # Frames only: the exception's own text may quote a row or a form.
            frames = traceback.extract_tb(record.exc_info[2])
            line["trace"] = [f"{f.filename}:{f.lineno} {f.name}" for f in frames][-12:]
        return json.dumps(line, ensure_ascii=False)
