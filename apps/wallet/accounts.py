"""In whose name Google keeps passes: an issuer's number and the key of a service account.

It lies in the vault of the shop, or of the platform for all shops, as ``google:<issuer>``. An
object keeps its issuer for life, as an Apple pass keeps its type.
"""

import json
import re
import time
from dataclasses import dataclass
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.sealing import Unopenable
from apps.shops import vault
from apps.shops.models import Shop
from apps.wallet.identities import Unreadable
from apps.wallet.keyring import GOOGLE, forget_known, keys_for

SAVE = "https://pay.google.com/gp/v/save/"
ISSUER = re.compile(r"[0-9]{4,24}")


@dataclass(frozen=True, slots=True)
class Account:
    """All that Google asks of us."""

    issuer: str
    email: str
    key: RSAPrivateKey

    def signed(self, **claims: object) -> str:
        """A JWT in the account's name."""
        said = {"iss": self.email, "iat": int(time.time()), **claims}
        return jwt.encode(said, self.key, "RS256")

    def save_link(self, object_id: str, origin: str) -> str:
        """Where a tap saves an object that Google knows: the link names it and nothing more, so
        that it stays far below the 1,800 signs browsers and messages bear."""
        payload = {"loyaltyObjects": [{"id": object_id}]}
        said = {"aud": "google", "typ": "savetowallet", "origins": [origin], "payload": payload}
        return SAVE + self.signed(**said)


def read_account(data: bytes, issuer: str) -> Account:
    """From the JSON file of a service account's key. Raises ``Unreadable``."""
    if not ISSUER.fullmatch(issuer):
        raise Unreadable(_("Le numéro d’émetteur est fait de chiffres."))
    try:
        said = json.loads(data)
        key = load_pem_private_key(said["private_key"].encode(), None)
        email = str(said["client_email"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable(_("Ce fichier n’est pas la clé JSON d’un compte de service.")) from error
    if not isinstance(key, RSAPrivateKey) or said.get("type") != "service_account":
        raise Unreadable(_("Ce fichier n’est pas la clé JSON d’un compte de service."))
    return Account(issuer, email, key)


def adopt(data: bytes, issuer: str, *, shop: Shop | None, by: Actor) -> Account:
    """Keep passes at Google by this account from now on, for the shop or (None) for all.

    Raises ``Unreadable``.
    """
    account = read_account(data, issuer)
    said = json.loads(data)
    kept = {name: said[name] for name in ("type", "private_key", "client_email")}
    vault.keep(shop=shop, name=GOOGLE + issuer, secret=json.dumps(kept).encode(), by=by)
    forget_known()
    return account


def release(issuer: str, *, shop: Shop | None, by: Actor) -> None:
    """Its key is kept no more: its passes stay in people's phones as they are."""
    vault.forget(shop=shop, name=GOOGLE + issuer, by=by)
    forget_known()


@dataclass(frozen=True, slots=True)
class Standing:
    """What pages may show of an account."""

    issuer: str
    own: bool  # the shop's; otherwise the platform's


def standing(shop: Shop) -> Standing | None:
    """In whose name new passes of the shop are kept at Google; None: none are."""
    for kept in keys_for(shop, GOOGLE):
        return Standing(kept.name.removeprefix(GOOGLE), own=kept.shop_id is not None)
    return None


@lru_cache(maxsize=64)
def _of(kept: vault.Kept) -> Account:
    return read_account(kept.secret, kept.name.removeprefix(GOOGLE))


def account_for(shop: Shop, issuer: str) -> Account | None:
    """The account of an issuer; None when its key is gone or does not open."""
    for kept in keys_for(shop, GOOGLE):
        if kept.name == GOOGLE + issuer:
            try:
                return _of(kept)
            except Unopenable:
                return None
    return None
