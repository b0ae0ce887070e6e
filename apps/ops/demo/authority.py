"""An authority of our own, in Apple's place: a root, an intermediate, and what they issue.

No phone trusts it. The demonstration's passes open in whatever reads a pass without asking who
signed it, and `openssl` verifies them against the root.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from apps.wallet.identities import Identity

TEAM = "DEMO123456"
PUSH_KEY_ID = "DEMOKEY123"


@dataclass(frozen=True, slots=True)
class Issuer:
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _issue(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    by: Issuer | None,
    *,
    now: datetime,
    days: int,
    is_authority: bool,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    return builder.sign(by.key if by else key, SHA256())


def _named(**parts: str) -> x509.Name:
    oids = {
        "name": NameOID.COMMON_NAME,
        "unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "user": NameOID.USER_ID,
    }
    return x509.Name([x509.NameAttribute(oids[part], text) for part, text in parts.items()])


class Authority:
    """Root and intermediate, made once; ``identity`` issues what signs passes."""

    def __init__(self, now: datetime) -> None:
        self.root = self._issuer("Autorité de démonstration", None, now)
        self.intermediate = self._issuer("Intermédiaire de démonstration", self.root, now)

    @staticmethod
    def _issuer(name: str, by: Issuer | None, now: datetime) -> Issuer:
        key, subject = _key(), _named(name=name)
        return Issuer(_issue(subject, key, by, now=now, days=3650, is_authority=True), key)

    def identity(self, pass_type: str, *, now: datetime, days: int = 365) -> Identity:
        """A certificate for ``pass_type`` that lasts so many days, and a key to push by."""
        key = _key()
        subject = _named(user=pass_type, name=f"Pass Type ID: {pass_type}", unit=TEAM)
        return Identity(
            pass_type=pass_type,
            team=TEAM,
            certificate=_issue(
                subject, key, self.intermediate, now=now, days=days, is_authority=False
            ),
            key=key,
            intermediate=self.intermediate.certificate,
            push_key=ec.generate_private_key(ec.SECP256R1()),
            push_key_id=PUSH_KEY_ID,
        )
