"""Passes: made and signed, fetched by phones, told of a stamp, beside the marks.

Apple's stand-in is a real HTTP/2 server over TLS in a process of its own.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.test.utils import override_settings
from django.utils import timezone

from apps.core.actor import SYSTEM, Actor
from apps.core.tenancy import in_schema, use_public
from apps.loyalty import pocket
from apps.loyalty.models import Card
from apps.loyalty.services import add_stamp
from apps.ops.demo.authority import Authority
from apps.shops.services import shop_here
from apps.wallet import pushing, services
from apps.wallet.bundle import bundle
from apps.wallet.identities import adopt, identity_for
from apps.wallet.keyring import forget_known
from apps.wallet.models import Device, Pass
from config import processes
from tests import chaos
from tests.bench.big import Big, big_shop
from tests.bench.ground import FOLDER, Ground, environment
from tests.bench.load import Side, compare, http, in_turn, ratio
from tests.bench.report import Row
from tests.bench.yardsticks import bare
from tests.peers.certificates import server_files

PEOPLE, PHONES, STAMPS = 400, 3000, 40
SIGN_MS, FETCHES, PUSHES, HEARD = 5.0, 150, 300, 2.0
TYPE = "pass.fr.comptoir.mesure"


def measure(ground: Ground) -> Iterator[Row]:
    place, authority = big_shop(ground, "poches", people=PEOPLE, visits=4_000), _signed()
    with in_schema(place.shop.schema_name):
        passes = _passes(place)
        yield _signing(place, passes)
        yield _fetching(ground, place, passes)
        with _apple(authority) as apple, override_settings(APNS_URL=apple.url):
            yield _pushing(place, passes, apple)
            yield _hearing(place, passes, apple)
    use_public()


def _signed() -> Authority:
    now = timezone.now()
    authority = Authority(now)
    use_public()
    adopt(authority.identity(TYPE, now=now), shop=None, by=SYSTEM, now=now)
    return authority


def _passes(place: Big) -> list[Pass]:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM wallet_registration; DELETE FROM wallet_device")
        cursor.execute("DELETE FROM wallet_pass")
    now, shop = timezone.now(), place.shop
    cards = Card.objects.order_by("pk")[:100]
    return [pocket.issued(card, shop, now, TYPE) for card in cards]


def _signing(place: Big, passes: list[Pass]) -> Row:
    forget_known()
    identity, took = identity_for(place.shop, TYPE), []
    assert identity is not None
    for turn in range(2):  # the first draws the pictures
        took = []
        for held in passes:
            began = time.thread_time()
            bundle(held, place.shop, identity)
            took.append((time.thread_time() - began) * 1000)
        assert turn or took
    usual, late = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    value = f"{usual:.1f} ms of CPU, p95 {late:.1f} ms"
    mark = f"≤ {SIGN_MS:.0f} ms"
    return Row("make and sign a pass", mark, value, usual <= SIGN_MS, {"ms": took})


def _fetching(ground: Ground, place: Big, passes: list[Pass]) -> Row:
    asked = in_turn(
        [
            http(
                "GET",
                place.host,
                f"/wallet/v1/passes/{TYPE}/{held.serial}",
                {"Authorization": f"ApplePass {held.secret}", "Accept-Encoding": "gzip"},
            )
            for held in passes
        ]
    )
    with bare(ground, "read") as read, ground.serve() as server:
        found = compare(ground, [read, Side("pass", server, asked)], seconds=3)
    ours, share = found["pass"], ratio(found["pass"], found["bare read"])
    rate = ours.median("per_second")
    value = f"{rate:.0f}/s, {ours.cpu:.1f} ms of CPU each, {share:.1%} of the bare read"
    figures = {name: one.told() for name, one in found.items()}
    mark = f"≥ {FETCHES}/s"
    return Row("passes fetched from the web service", mark, value, rate >= FETCHES, figures)


class Apple:
    """The stand-in, in its own process: asked for the number of pushes by a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = self._said()

    def _said(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def count(self) -> int:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self._said())


@contextmanager
def _apple(authority: Authority) -> Iterator[Apple]:
    folder = FOLDER / "apple"
    folder.mkdir(exist_ok=True)
    certificate, key = server_files(authority, folder)
    root, public = folder / "root.pem", folder / "push.pem"
    root.write_bytes(authority.root.certificate.public_bytes(Encoding.PEM))
    identity = identity_for(shop_here(), TYPE)
    assert identity is not None
    spki = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(identity.push_key.public_key().public_bytes(*spki))
    os.environ["SSL_CERT_FILE"] = str(root)
    command = [sys.executable, "-m", "tests.peers.apns", certificate, key, public]
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=processes.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Apple(process)
    finally:
        process.terminate()
        process.wait()
        del os.environ["SSL_CERT_FILE"]


def _pushing(place: Big, passes: list[Pass], apple: Apple) -> Row:
    now = timezone.now()
    for number in range(PHONES):
        held = passes[number % len(passes)]
        name = f"{number:064x}"
        services.register(held=held, library=name, push_token=name, now=now)
    services.show_all_anew(timezone.now())
    before, began = apple.count(), time.monotonic()
    pushing.tell(place.shop)
    took, told = time.monotonic() - began, apple.count() - before
    rate = told / took
    figures = {"pushes": told, "seconds": took}
    value = f"{rate:.0f}/s ({told} in {took:.1f} s)"
    mark = f"≥ {PUSHES}/s"
    good = rate >= PUSHES and told == PHONES
    return Row("phones told, HTTP/2 over TLS", mark, value, good, figures)


def _hearing(place: Big, passes: list[Pass], apple: Apple) -> Row:
    """From the counter's commit to Apple's server, by the workers production runs."""
    more = {"APNS_URL": apple.url, "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"], "WORKERS": "2"}
    surroundings, heard = environment(**more), []
    with chaos.kept(surroundings, FOLDER / "worker.log", processes.WORKER):
        for turn in range(STAMPS + 1):
            card = Card.objects.select_related("contact").get(pk=passes[turn].subject)
            Device.objects.filter(passes=passes[turn]).exclude(
                pk=Device.objects.filter(passes=passes[turn]).earliest("pk").pk
            ).delete()
            before, began = apple.count(), time.monotonic()
            add_stamp(
                card=card,
                token=uuid4(),
                by=Actor("team", 10_000 + turn),
                now=timezone.now(),
                over_cooldown=True,
            )
            while apple.count() == before and time.monotonic() < began + 30:
                time.sleep(0.005)
            if turn:  # the first waits for the workers to start
                heard.append(time.monotonic() - began)
    late = statistics.quantiles(heard, n=20)[-1]
    value = f"p95 {late:.2f} s, median {statistics.median(heard):.2f} s"
    mark = f"p95 ≤ {HEARD:.0f} s"
    return Row("from a stamp to the push service", mark, value, late <= HEARD, {"seconds": heard})
