"""Comptoir as it runs for people: its own database, gunicorn, a worker, a mailbox."""

import email
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections

from apps.accounts.models import Membership, User
from apps.core.tenancy import in_schema
from apps.shops.models import Shop
from apps.shops.services import provision
from config import processes
from tests import environment
from tests.conftest import ShopClient
from tests.factories import UserFactory

STRIPE_SECRET = "whsec_stack"
DATABASE = f"comptoir_test_stack_{environment.WORKER or 'main'}"
FOLDER = environment.DATA / f"stack-{environment.WORKER or 'main'}"


@dataclass
class Posted:
    """One message of the mailbox: an SMS (``subject`` empty) or a mail (its plain text)."""

    to: str
    body: str
    subject: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    reply_url: str = ""

    def link(self, containing: str = "") -> str:
        """The first link in the text (that holds ``containing``)."""
        found = [link for link in re.findall(r"https?://\S+", self.body) if containing in link]
        assert found, f"no link with {containing!r} in the message"
        return found[0].rstrip(".,;)»\u00a0")


@dataclass
class Stack:
    port: int
    twilio_port: int  # where a test may let its stand-in listen
    stripe_port: int
    push_port: int
    web: subprocess.Popen[bytes] | None = None
    worker: subprocess.Popen[bytes] | None = None

    @property
    def mailbox(self) -> Path:
        return FOLDER / "mailbox"

    @property
    def log(self) -> Path:
        return FOLDER / "stack.log"

    def url(self, where: str | Shop, path: str = "/") -> str:
        """``where``: a shop, a slug, ``platform`` or ``admin``."""
        slug = where.slug if isinstance(where, Shop) else where
        host = {"platform": "localhost", "admin": "admin.localhost"}.get(slug, f"{slug}.localhost")
        return f"http://{host}:{self.port}{path}"

    def shop(self, slug: str) -> Shop:
        return Shop.objects.get(slug=slug)

    def open_shop(self, slug: str, name: str = "Boutique d’essai", **fields: Any) -> Shop:
        """A shop of one's own, empty, so that tests do not meet in one."""
        return provision(name=name, slug=slug, **{"sells_alcohol": False, **fields})

    def member(self, shop: Shop, role: str, **fields: Any) -> User:
        user = UserFactory(**fields)
        with in_schema(shop.schema_name):
            Membership.objects.create(shop=shop, user=user, role=role)
        return user

    def session_cookie(self, shop: Shop, user: User) -> str:
        """A signed-in session on the shop's host, as the stack reads it from its database."""
        with in_schema(shop.schema_name):
            client = ShopClient(shop).enter(user)
            return client.cookies[settings.SESSION_COOKIE_NAME].value

    def posted(self, to: str) -> list[Posted]:
        """Every SMS and mail to an address so far, oldest first."""
        if not self.mailbox.exists():
            return []
        files = sorted(p for p in self.mailbox.iterdir() if not p.name.startswith("."))
        return [message for message in map(_read, files) if to.lower() in message.to.lower()]

    def last_posted(self, to: str, *, after: int = 0) -> Posted:
        """The newest message to ``to``, waiting for the worker until more than ``after`` came."""
        return wait_for(
            lambda: (found := self.posted(to)) and len(found) > after and found[-1],
            f"a message to {to}",
        )


def _read(path: Path) -> Posted:
    if path.suffix == ".sms":
        sms = json.loads(path.read_text())
        return Posted(sms["to"], sms["body"], reply_url=sms.get("reply_url", ""))
    mail = email.message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(mail, EmailMessage)
    plain = mail.get_body(("plain",))
    text = plain.get_content() if plain else ""
    return Posted(str(mail["To"]), text, str(mail["Subject"]), dict(mail.items()))


def wait_for(look: Callable[[], Any], what: str, patience: float = 60) -> Any:
    """The first truthy answer of ``look``; fails with ``what`` after ``patience`` seconds."""
    end = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < end, f"waited {patience:.0f} s for {what}"
        time.sleep(0.05)
    return found


def _environment(port: int, twilio_port: int, stripe_port: int, push_port: int) -> dict[str, str]:
    return {
        **os.environ,
        **environment.environment(DATABASE),
        "DATA_DIR": str(FOLDER),
        "PORT": str(port),
        "TWILIO_API_URL": f"http://127.0.0.1:{twilio_port}",
        "STRIPE_SECRET_KEY": "sk_test_" + "0123456789abcdef" * 2,
        "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
        "STRIPE_API_HOST": f"http://127.0.0.1:{stripe_port}",
        "PUSH_SERVICES": f"https://fcm.googleapis.com,http://127.0.0.1:{push_port}",
        "WEB_PROCESSES": "1",
        "WORKERS": "1",
        "LOG_LEVEL": "INFO",
    }


@contextmanager
def running() -> Iterator[Stack]:
    """Start the whole on a free port; stop it at the end."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    environment.copy_database(environment.BASE, DATABASE)
    stack = Stack(*(processes.free_port() for _ in range(4)))
    surroundings = _environment(stack.port, stack.twilio_port, stack.stripe_port, stack.push_port)
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"],
        cwd=environment.ROOT,
        env=surroundings,
        check=True,
    )
    stack.web = processes.start_child(processes.WEB, surroundings, stack.log)
    stack.worker = processes.start_child(processes.WORKER, surroundings, stack.log)
    try:
        processes.wait_until_ready(stack.port, [stack.web, stack.worker])
        yield stack
    finally:
        processes.stop_children([stack.web, stack.worker])


@contextmanager
def its_database(port: int, name: str = DATABASE) -> Iterator[None]:
    """While open, this process's own models read and write the stack's database, committed."""
    aliases = ("default", "owner")
    before = {alias: connections[alias].settings_dict["NAME"] for alias in aliases}
    suffix, settings.PORT_SUFFIX = settings.PORT_SUFFIX, f":{port}"
    connections.close_all()
    for alias in aliases:
        connections[alias].settings_dict["NAME"] = name
    try:
        connection.set_schema_to_public()
        yield
    finally:
        connections.close_all()
        for alias in aliases:
            connections[alias].settings_dict["NAME"] = before[alias]
        settings.PORT_SUFFIX = suffix
