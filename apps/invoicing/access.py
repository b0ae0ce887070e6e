"""The keys to a bookkeeping program, in the vault: typed once, or granted by OAuth2 and renewed.

Pennylane's refresh token opens once (https://pennylane.readme.io/docs/oauth-20-walkthrough): the
new one is kept before anything else is asked, and only who holds the bookkeeper's lease renews.
"""

import base64
import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import requests
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.core.actor import SYSTEM, Actor
from apps.core.outgoing import never_left, retry_after
from apps.core.sealing import Unopenable
from apps.invoicing.providers.base import Later, ShutOut, Uncertain
from apps.invoicing.providers.line import DOWN, PATIENCE
from apps.invoicing.providers.pennylane import SCOPES
from apps.invoicing.push_models import Bookkeeper, Standing
from apps.shops import vault
from apps.shops.models import Shop

IN_VAULT = "books:"
EARLY = timedelta(minutes=2)  # a token that ends so soon is not begun with
WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Tokens:
    """``refresh`` is empty for a key that was typed."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    ends_at: datetime | None = None

    def kept(self) -> bytes:
        ends = self.ends_at.isoformat() if self.ends_at else None
        return json.dumps([self.access, self.refresh, ends]).encode()

    @classmethod
    def of(cls, kept: bytes) -> "Tokens":
        access, refresh, ends = json.loads(kept)
        return cls(access, refresh, datetime.fromisoformat(ends) if ends else None)


def keep(shop: Shop, target: str, tokens: Tokens, by: Actor) -> None:
    vault.keep(shop=shop, name=IN_VAULT + target, secret=tokens.kept(), by=by)


def forget(shop: Shop, target: str, by: Actor) -> None:
    vault.forget(shop=shop, name=IN_VAULT + target, by=by)


def kept(shop: Shop, target: str) -> Tokens | None:
    """None where none are, or the vault's key is gone."""
    try:
        found = vault.read(shop, IN_VAULT + target)
    except Unopenable:
        return None
    return Tokens.of(found) if found else None


class Kept:
    """The shop's keys as the line asks for them."""

    def __init__(self, shop: Shop, target: str) -> None:
        self.shop, self.target = shop, target

    def _tokens(self) -> Tokens:
        found = kept(self.shop, self.target)
        if found is None:
            raise ShutOut(WITHDRAWN)
        return found

    def token(self) -> str:
        found = self._tokens()
        if found.ends_at and found.ends_at < timezone.now() + EARLY:
            return self._renewed(found).access
        return found.access

    def renew(self, refused: str) -> None:
        found = self._tokens()
        if found.access == refused:  # else another hand was faster
            self._renewed(found)

    def _renewed(self, found: Tokens) -> Tokens:
        if not found.refresh:
            raise ShutOut(WITHDRAWN)
        tokens = granted(grant_type="refresh_token", refresh_token=found.refresh)
        standing = Bookkeeper.objects.exclude(standing=Standing.LEFT)
        with transaction.atomic():
            if standing.select_for_update().filter(target=self.target).first():
                keep(self.shop, self.target, tokens, SYSTEM)
                return tokens
        revoke(tokens)  # whoever left meanwhile gave back what these come from
        raise ShutOut(WITHDRAWN)


class Typed:
    """A key that is tried before it is kept."""

    def __init__(self, key: str) -> None:
        self.key = key

    def token(self) -> str:
        return self.key

    def renew(self, refused: str) -> None:
        raise ShutOut(WITHDRAWN)


# --- OAuth2 ----------------------------------------------------------------------------------


def return_url() -> str:
    """On the platform's host: the one address that Pennylane was told of."""
    host = f"{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}"
    return f"{settings.SCHEME}://{host}/comptabilite/pennylane/"


def challenge(verifier: str) -> str:
    """RFC 7636: who comes back with the code must know what began it."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_verifier() -> str:
    return secrets.token_urlsafe(48)


def authorize_url(state: str, verifier: str) -> str:
    asked = {
        "client_id": settings.PENNYLANE_CLIENT_ID,
        "redirect_uri": return_url(),
        "response_type": "code",
        "scope": SCOPES,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    return f"{settings.PENNYLANE_URL}/oauth/authorize?{urlencode(asked)}"


def traded(code: str, verifier: str) -> Tokens:
    """The tokens a code stands for. Raises ``ShutOut``, ``Later``, ``Uncertain``."""
    asked = {"code": code, "redirect_uri": return_url(), "code_verifier": verifier}
    return granted(grant_type="authorization_code", **asked)


def granted(**asked: str) -> Tokens:
    now = timezone.now()
    answer = _posted("token", **asked)
    if answer.status_code in {400, 401, 403}:
        raise ShutOut(WITHDRAWN)
    if not answer.ok:
        raise Later(retry_after(answer.headers.get("Retry-After")) or DOWN)
    try:
        said: dict[str, Any] = answer.json()
        ends = now + timedelta(seconds=int(said["expires_in"]))
        return Tokens(said["access_token"], said["refresh_token"], ends)
    except (ValueError, KeyError, TypeError) as error:
        raise Uncertain from error


def revoke(tokens: Tokens) -> None:
    """Give the access back; where nobody hears, it ends by itself."""
    with suppress(Later, Uncertain):
        _posted("revoke", token=tokens.refresh)


def _posted(what: str, **form: str) -> requests.Response:
    ours = {
        "client_id": settings.PENNYLANE_CLIENT_ID,
        "client_secret": settings.PENNYLANE_CLIENT_SECRET,
    }
    try:
        return requests.post(
            f"{settings.PENNYLANE_URL}/oauth/{what}",
            data={**ours, **form},
            timeout=PATIENCE,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        if never_left(error):
            raise Later(DOWN) from error
        raise Uncertain from error
