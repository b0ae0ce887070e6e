"""``make demo PHONE=1``: the cellar's counter on a real phone of the same network, over HTTPS.

A phone opens neither ``*.localhost`` nor, without HTTPS, its camera and a service worker. So the
demonstration makes an authority of its own, which can vouch for this network's addresses only,
hands it out over plain HTTP for the phone to trust, and serves the shop a second time under this
machine's address. Nothing outside the network is asked.
"""

import datetime
import ipaddress
import socket
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8")
NAMES = ("local",)  # what machines of a network call themselves
CA_LASTS, LEAF_LASTS = datetime.timedelta(days=720), datetime.timedelta(days=300)
_PEM, _CRT = serialization.Encoding.PEM, serialization.Encoding.DER


class NotHere(ValueError):
    """The sentence says which address is wanted instead."""


class Certified(NamedTuple):
    """Where the files lie that a server and those who trust it need."""

    authority: Path
    certificate: Path
    key: Path


def host_for(wanted: str) -> str:
    """``1``: this machine's address in its network; else the address, or the name in ``.local``,
    under which the phone finds it. Raises ``NotHere``."""
    host = _own_address() if wanted in {"1", "oui"} else wanted.lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        near = host.rpartition(".")[2] in NAMES
    else:
        near = any(address in ipaddress.ip_network(one) for one in NETWORKS)
    if not near:
        raise NotHere(
            f"« {host} » n’est pas une adresse de votre réseau. Donnez celle de cette machine : "
            "PHONE=192.168.1.20 make demo, ou son nom : PHONE=ma-machine.local make demo"
        )
    return host


def _own_address() -> str:
    """In the network this machine goes out by; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def certify(folder: Path, host: str) -> Certified:
    """An authority, made once and kept, and a certificate of today for the host."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = Certified(folder / "authority.pem", folder / "web.pem", folder / "web.key")
    ca_key, ca = _authority(files.authority, folder / "authority.key")
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        # No host as its common name: verifiers would hold that to the DNS names alone.
        _certificate("Démonstration de Comptoir", ca.subject, key.public_key(), LEAF_LASTS)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    files.certificate.write_bytes(leaf.public_bytes(_PEM))
    _write_key(files.key, key)
    return files


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _authority(path: Path, key_path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    now = datetime.datetime.now(datetime.UTC)
    if path.exists() and key_path.exists():
        kept = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if kept.not_valid_after_utc > now + LEAF_LASTS:
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            return key, kept
    made = ec.generate_private_key(ec.SECP256R1())
    name = "Comptoir, démonstration de cette machine"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = {
        name: name in {"key_cert_sign", "crl_sign"}
        for name in (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        )
    }
    # Who trusts it on a phone for a try trusts it with nothing of the outside world.
    near = [x509.IPAddress(ipaddress.ip_network(one)) for one in NETWORKS]
    bounds = x509.NameConstraints([*near, *map(x509.DNSName, NAMES)], None)
    ca = (
        _certificate(name, subject, made.public_key(), CA_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(bounds, critical=True)
        .sign(made, hashes.SHA256())
    )
    path.write_bytes(ca.public_bytes(_PEM))
    _write_key(key_path, made)
    return made, ca


def _certificate(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lasts: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + lasts)
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    plain = serialization.NoEncryption()
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, plain))


def hand_out(authority: Path, port: int) -> ThreadingHTTPServer:
    """Whoever in the network opens this machine's ``port`` is given the authority to trust."""
    der = x509.load_pem_x509_certificate(authority.read_bytes()).public_bytes(_CRT)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-x509-ca-cert")
            self.send_header("Content-Disposition", 'attachment; filename="comptoir.crt"')
            self.send_header("Content-Length", str(len(der)))
            self.end_headers()
            self.wfile.write(der)

        def log_message(self, *_args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def served(web: Sequence[str], files: Certified, port: int) -> tuple[str, ...]:
    """How the web server is started a second time, for the whole network and over TLS."""
    certified = ("--certfile", str(files.certificate), "--keyfile", str(files.key))
    return (*web, "--bind", f"0.0.0.0:{port}", *certified)
