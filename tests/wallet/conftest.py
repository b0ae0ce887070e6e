"""A shop whose cards are signed by an authority of the tests' own, and a phone that holds one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from django.utils import timezone

from apps.core.actor import SYSTEM, Actor
from apps.core.tenancy import in_schema
from apps.loyalty import pocket
from apps.loyalty.services import add_stamp
from apps.ops.demo.authority import Authority
from apps.wallet.identities import Identity, adopt
from apps.wallet.models import Pass
from tests.factories import CardFactory, ProgrammeFactory

PASS_TYPE = "pass.fr.comptoir.essai"
SECRET = "un mot de passe"  # of a .p12


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority(timezone.now())


@pytest.fixture(scope="session")
def identity(authority) -> Identity:
    return authority.identity(PASS_TYPE, now=timezone.now())


def by_platform(verb: Callable[..., Any], *what: Any, **more: Any) -> None:
    """What its staff do, they do from no shop."""
    with in_schema("public"):
        verb(*what, shop=None, by=SYSTEM, **more)


def files(identity, *, with_middle=False, push_key=None, password=SECRET) -> dict[str, bytes]:
    """What the owner has in their downloads."""
    middle = [identity.intermediate] if with_middle else None
    closed = BestAvailableEncryption(password.encode())
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "bundle": pkcs12.serialize_key_and_certificates(
            b"carte", identity.key, identity.certificate, middle, closed
        ),
        "intermediate": identity.intermediate.public_bytes(Encoding.DER),
        "push_key": (push_key or identity.push_key).private_bytes(*plain),
    }


@pytest.fixture
def signed(shop, identity) -> Identity:
    """The platform signs passes."""
    by_platform(adopt, identity, now=timezone.now())
    return identity


@pytest.fixture
def card(shop):
    ProgrammeFactory(goal=10, reward="Une bouteille de la sélection du mois")
    return CardFactory(balance=3, number=4821)


def held_pass(card, shop, now=None) -> Pass:
    card.save()
    return pocket.issued(card, shop, now or timezone.now(), PASS_TYPE)


def stamp(card, times=1) -> None:
    """Stamps of the counter; how soon one comes after another is not the matter here."""
    for _ in range(times):
        by, now = Actor("team", 7), timezone.now()
        add_stamp(card=card, token=uuid4(), by=by, now=now, over_cooldown=True)


@pytest.fixture
def held(signed, card, shop) -> Pass:
    return held_pass(card, shop)


@dataclass
class Phone:
    """What an iPhone does with a pass: the five requests of Apple's web service."""

    browser: Any
    library: str = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    token: str = "0f" * 32

    def _path(self, held: Pass, serial: bool = True) -> str:
        end = f"/{held.serial}" if serial else ""
        return f"/wallet/v1/devices/{self.library}/registrations/{held.pass_type}{end}"

    def _proof(self, held: Pass) -> dict[str, str]:
        return {"Authorization": f"ApplePass {held.secret}"}

    def register(self, held: Pass, **headers: str) -> int:
        said = {"pushToken": self.token}
        proof = headers or self._proof(held)
        path = self._path(held)
        return self.browser.post(path, said, "application/json", headers=proof).status_code

    def unregister(self, held: Pass) -> int:
        return self.browser.delete(self._path(held), headers=self._proof(held)).status_code

    def changed(self, held: Pass, since: str = "") -> Any:
        asked = {"passesUpdatedSince": since} if since else {}
        return self.browser.get(self._path(held, serial=False), asked)

    def fetch(self, held: Pass, since: str = "") -> Any:
        headers = self._proof(held) | ({"If-Modified-Since": since} if since else {})
        path = f"/wallet/v1/passes/{held.pass_type}/{held.serial}"
        return self.browser.get(path, headers=headers)


@pytest.fixture
def phone(visitor) -> Phone:
    return Phone(visitor)
