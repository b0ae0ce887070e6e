"""A shop's own domain: proven against a real DNS server on this machine."""

import socketserver
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from django.test import Client
from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.core.tenancy import across_shops, in_schema
from apps.shops import domains
from apps.shops.models import Domain, DomainClaim, Shop
from tests.conftest import ShopClient

pytestmark = pytest.mark.django_db


class Answerer(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        asked = question.question[0]
        key = (asked.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(asked.rdtype))
        for text in self.server.zone.get(key, []):
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", key[1], text))
        if not answer.answer:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        socket.sendto(answer.to_wire(), self.client_address)


@pytest.fixture
def zone(settings):
    """A zone to write into; what is not in it does not exist."""
    server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answerer)
    server.zone = {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings.DNS_SERVER = f"127.0.0.1:{server.server_address[1]}"
    yield server.zone
    server.shutdown()
    thread.join()
    server.server_close()


def publish(zone, claim):
    zone[f"_comptoir.{claim.domain}", "TXT"] = [f'"v=spf1 -all"', f'"{claim.word}"']  # noqa: F541


def test_a_txt_record_proves_a_domain_and_it_opens_the_shop(
    owner_client, shop, zone, client, platform_client
):
    owner_client.post("/gestion/reglages/domaine/", {"domain": "WWW.MaCave.example."})
    claim = DomainClaim.objects.get(shop=shop)
    assert claim.domain == "www.macave.example"
    assert client.get("/", HTTP_HOST="www.macave.example").status_code == 404
    assert platform_client.get("/webhooks/tls/?domain=www.macave.example").status_code == 404
    early = owner_client.post(f"/gestion/reglages/domaine/{claim.pk}/verifier/", follow=True)
    assert "pas encore visible" in early.content.decode()
    publish(zone, claim)
    done = owner_client.post(f"/gestion/reglages/domaine/{claim.pk}/verifier/", follow=True)
    assert "ouvre votre boutique" in done.content.decode()
    assert client.get("/logo/x", HTTP_HOST="www.macave.example").status_code == 404
    assert client.get("/entree/", HTTP_HOST="www.macave.example").status_code == 302
    told = platform_client.get("/webhooks/tls/?domain=WWW.macave.example.")
    assert (told.status_code, told.content) == (200, b"")


def test_a_cname_to_the_shops_host_proves_it_too(shop, zone):
    claim = domains.claim(shop=shop, text="carte.macave.example", by=SYSTEM)
    zone["carte.macave.example", "CNAME"] = ["cave.localhost."]
    assert domains.prove(claim=claim, by=SYSTEM).verified_at


def test_a_neighbours_claim_blocks_nobody_and_its_word_proves_nothing(shop, other_shop, zone):
    with in_schema(other_shop.schema_name):
        theirs = domains.claim(shop=other_shop, text="www.macave.example", by=SYSTEM)
    mine = domains.claim(shop=shop, text="www.macave.example", by=SYSTEM)
    publish(zone, mine)
    with in_schema(other_shop.schema_name), pytest.raises(domains.NotYetProven):
        domains.prove(claim=theirs, by=SYSTEM)
    assert domains.prove(claim=mine, by=SYSTEM).tenant == shop


def test_a_domain_that_stands_for_another_shop_is_not_taken(shop, other_shop, zone):
    with in_schema(other_shop.schema_name):
        theirs = domains.claim(shop=other_shop, text="www.macave.example", by=SYSTEM)
    mine = domains.claim(shop=shop, text="www.macave.example", by=SYSTEM)
    zone["_comptoir.www.macave.example", "TXT"] = [f'"{theirs.word}"', f'"{mine.word}"']
    with in_schema(other_shop.schema_name):
        domains.prove(claim=theirs, by=SYSTEM)
    with pytest.raises(domains.OfAnotherShop):
        domains.prove(claim=mine, by=SYSTEM)
    publish(zone, mine)  # the domain was sold: the old proof is gone
    assert domains.prove(claim=mine, by=SYSTEM).tenant == shop
    assert Domain.objects.filter(domain="www.macave.example").count() == 1


@pytest.mark.parametrize(
    "text",
    ["localhost", "cafe.localhost", "http://a.fr", "a", "127.0.0.1", "a b.fr", "-a.fr", "x" * 260],
)
def test_what_is_no_domain_of_theirs_is_refused(owner_client, text):
    answer = owner_client.post("/gestion/reglages/domaine/", {"domain": text})
    assert answer.status_code == 422
    assert not DomainClaim.objects.exists()


def test_a_released_domain_opens_nothing(shop, zone, platform_client):
    claim = domains.claim(shop=shop, text="www.macave.example", by=SYSTEM)
    publish(zone, claim)
    domains.prove(claim=claim, by=SYSTEM)
    domains.release(claim=claim, by=SYSTEM)
    assert platform_client.get("/webhooks/tls/?domain=www.macave.example").status_code == 404


def test_a_closed_shop_gets_no_certificate(shop, platform_client):
    address = "/webhooks/tls/?domain=cave.localhost"
    assert platform_client.get(address).status_code == 200
    with across_shops():
        Shop.objects.filter(pk=shop.pk).update(closed_at="2026-01-01T00:00Z")
    assert platform_client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("host", "answer"),
    [("localhost", 200), ("admin.localhost", 200), ("cave.localhost", 200), ("x.localhost", 404)],
)
def test_a_certificate_is_made_for_what_answers(platform_client, host, answer):
    assert platform_client.get("/webhooks/tls/", {"domain": host}).status_code == answer


def test_five_domains_are_enough(shop):
    for number in range(5):
        domains.claim(shop=shop, text=f"c{number}.macave.example", by=SYSTEM)
    with pytest.raises(domains.TooManyDomains):
        domains.claim(shop=shop, text="c6.macave.example", by=SYSTEM)
    again = domains.claim(shop=shop, text="c1.macave.example", by=SYSTEM)
    assert again.domain == "c1.macave.example"


def test_a_silent_server_is_told_as_such(shop, settings, monkeypatch):
    settings.DNS_SERVER = "127.0.0.1:9"
    monkeypatch.setattr("apps.shops.providers.dns.SECONDS", 0.3)
    claim = domains.claim(shop=shop, text="www.macave.example", by=SYSTEM)
    with pytest.raises(domains.DnsSilent):
        domains.prove(claim=claim, by=SYSTEM)


def test_an_own_domain_binds_none_of_the_merchants_other_hosts(shop, settings):
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    Domain.objects.create(domain="cave.example", tenant=shop, verified_at=timezone.now())
    own = Client(SERVER_NAME="cave.example", HTTP_HOST="cave.example")
    told = own.get("/", secure=True)["Strict-Transport-Security"]
    assert told == "max-age=31536000"
    ours = ShopClient(shop).get("/", secure=True)["Strict-Transport-Security"]
    assert "includeSubDomains" in ours
