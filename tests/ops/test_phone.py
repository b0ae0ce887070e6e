"""A phone of the same network trusts what the demonstration hands it, for this network only."""

import socket
import ssl
import threading
from urllib.request import urlopen

import pytest
from cryptography import x509

from config import phone, processes

HOST = "192.168.1.20"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("phone")


@pytest.fixture(scope="module")
def files(folder):
    return phone.certify(folder, HOST)


def handshake(files, name):
    """What a phone that trusts the authority sees of the web server under ``name``."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(files.certificate, files.key)
    theirs = ssl.create_default_context(cafile=str(files.authority))
    one, other = socket.socketpair()

    def serve():
        with one:
            try:
                ours.wrap_socket(one, server_side=True).close()
            except OSError:
                return  # the phone went away: its side says why

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with theirs.wrap_socket(other, server_hostname=name) as trusted:
            return trusted.version()
    finally:
        other.close()
        thread.join(5)


def test_this_machines_address_is_trusted_and_no_other(files):
    assert handshake(files, HOST) == "TLSv1.3"
    for other in ("192.168.1.21", "cave.exemple.fr"):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(files, other)


def test_a_name_in_local_will_do(folder):
    named = phone.certify(folder, "ma-machine.local")
    assert handshake(named, "ma-machine.local") == "TLSv1.3"


@pytest.mark.parametrize("host", ["banque.exemple.fr", "93.184.215.14"])
def test_the_authority_vouches_for_nothing_outside_the_network(folder, host):
    stolen = phone.certify(folder, host)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        handshake(stolen, host)


def test_the_authority_is_handed_out_and_stays_the_same(files):
    again = phone.certify(files.authority.parent, "192.168.1.21")
    port = processes.free_port()
    server = phone.hand_out(again.authority, port)
    try:
        with urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.headers["Content-Type"] == "application/x-x509-ca-cert"
            given = x509.load_der_x509_certificate(answer.read())
    finally:
        server.shutdown()
        server.server_close()
    assert given == x509.load_pem_x509_certificate(files.authority.read_bytes())
    assert (files.authority.parent / "authority.key").stat().st_mode & 0o077 == 0


def test_the_address_is_one_of_this_network():
    for host in ("192.168.1.20", "10.1.2.3", "127.0.0.1", "ma-machine.local"):
        assert phone.host_for(host) == host
    for host in ("93.184.215.14", "comptoir.exemple.fr", "cave"):
        with pytest.raises(phone.NotHere, match="PHONE=192"):
            phone.host_for(host)
