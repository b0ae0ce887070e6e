"""In whose name passes are signed: a certificate of Apple's, its key, and the key that pushes.

One identity is one pass type. It lies in the vault of the shop, or of the platform for all shops,
as ``apple:<pass type>``. A pass keeps its type for life: a renewed certificate of the same type
takes the place of the old one and the passes in people's pockets live on; another type signs the
passes that are made from then on, and the old ones as long as theirs is kept.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.sealing import Unopenable
from apps.shops import vault
from apps.shops.models import Shop
from apps.wallet.keyring import APPLE, forget_known, keys_for


class Unreadable(Refusal):
    status = 422


@dataclass(frozen=True, slots=True)
class Identity:
    """All that signing and pushing need."""

    pass_type: str
    team: str
    certificate: x509.Certificate
    key: RSAPrivateKey
    intermediate: x509.Certificate
    push_key: EllipticCurvePrivateKey
    push_key_id: str

    @property
    def expires_at(self) -> datetime:
        return min(self.certificate.not_valid_after_utc, self.intermediate.not_valid_after_utc)


@dataclass(frozen=True, slots=True)
class Standing:
    """What pages may show of an identity."""

    pass_type: str
    expires_at: datetime | None
    own: bool  # the shop's; otherwise the platform's


# --- read from what Apple gives ------------------------------------------------------------


def read_identity(
    *, bundle: bytes, password: str, intermediate: bytes, push_key: bytes, push_key_id: str
) -> Identity:
    """An identity from a ``.p12``, Apple's intermediate certificate and a ``.p8``.

    ``intermediate`` may be empty when the ``.p12`` carries it. Raises ``Unreadable``.
    """
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(bundle, password.encode())
    except ValueError as error:
        raise Unreadable(
            _("Ce fichier .p12 ne s’ouvre pas : vérifiez son mot de passe.")
        ) from error
    if certificate is None or not isinstance(key, RSAPrivateKey):
        raise Unreadable(_("Ce fichier .p12 ne contient pas le certificat et sa clé privée."))
    pass_type = _said(certificate, NameOID.USER_ID)
    if not pass_type.startswith("pass."):
        raise Unreadable(_("Ce certificat n’est pas celui d’un « Pass Type ID » d’Apple."))
    chain = [_certificate(intermediate)] if intermediate else others
    issuers = [one for one in chain if _issued(certificate, one)]
    if not issuers:
        raise Unreadable(
            _("Il manque le certificat intermédiaire d’Apple (WWDR) qui a émis celui-ci.")
        )
    return Identity(
        pass_type=pass_type,
        team=_said(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME),
        certificate=certificate,
        key=key,
        intermediate=issuers[0],
        push_key=_push_key(push_key),
        push_key_id=push_key_id,
    )


def _said(certificate: x509.Certificate, name: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(name)
    return str(found[0].value) if found else ""


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _certificate(data: bytes) -> x509.Certificate:
    load = (
        x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate
    )
    try:
        return load(data)
    except ValueError as error:
        raise Unreadable(_("Le certificat intermédiaire n’est pas lisible.")) from error


def _push_key(data: bytes) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise Unreadable(_("La clé de notification (.p8) n’est pas lisible.")) from error
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise Unreadable(_("La clé de notification (.p8) n’est pas une clé APNs."))
    return key


# --- kept ----------------------------------------------------------------------------------


class Ended(Refusal):
    message = _("Ce certificat a expiré le %(day)s : demandez-en un nouveau à Apple.")
    status = 422


def adopt(identity: Identity, *, shop: Shop | None, by: Actor, now: datetime) -> None:
    """Sign with ``identity`` from now on, for the shop or (None) for all. Raises ``Ended``."""
    if identity.expires_at <= now:
        raise Ended(day=f"{identity.expires_at:%d/%m/%Y}")
    vault.keep(
        shop=shop,
        name=APPLE + identity.pass_type,
        secret=_as_bytes(identity),
        by=by,
        expires_at=identity.expires_at,
    )
    forget_known()


def release(pass_type: str, *, shop: Shop | None, by: Actor) -> None:
    """Its keys are kept no more: its passes stay in people's pockets as they are."""
    vault.forget(shop=shop, name=APPLE + pass_type, by=by)
    forget_known()


def _as_bytes(identity: Identity) -> bytes:
    """Certificates first: they are public, and the vault shows the last signs of what it keeps."""
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    said = {
        "certificate": identity.certificate.public_bytes(Encoding.PEM).decode(),
        "intermediate": identity.intermediate.public_bytes(Encoding.PEM).decode(),
        "key": identity.key.private_bytes(*plain).decode(),
        "push_key": identity.push_key.private_bytes(*plain).decode(),
        "push_key_id": identity.push_key_id,
    }
    return json.dumps(said).encode()


@lru_cache(maxsize=64)
def _of_bytes(kept: vault.Kept) -> Identity:
    said = json.loads(kept.secret)
    certificate = x509.load_pem_x509_certificate(said["certificate"].encode())
    return Identity(
        pass_type=_said(certificate, NameOID.USER_ID),
        team=_said(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME),
        certificate=certificate,
        key=load_pem_private_key(said["key"].encode(), None),  # type: ignore[arg-type]
        intermediate=x509.load_pem_x509_certificate(said["intermediate"].encode()),
        push_key=_push_key(said["push_key"].encode()),
        push_key_id=said["push_key_id"],
    )


# --- found ---------------------------------------------------------------------------------


def standing(shop: Shop) -> Standing | None:
    """In whose name new passes of the shop are signed; None: nobody signs any."""
    for kept in keys_for(shop, APPLE):
        pass_type = kept.name.removeprefix(APPLE)
        return Standing(pass_type, kept.expires_at, own=kept.shop_id is not None)
    return None


def identity_for(shop: Shop, pass_type: str) -> Identity | None:
    """What signs passes of that type; None when its keys are gone or do not open."""
    for kept in keys_for(shop, APPLE):
        if kept.name == APPLE + pass_type:
            try:
                return _of_bytes(kept)
            except Unopenable:
                return None
    return None
