"""A mail leaves in the name of the shop's own domain only when the DNS says it may."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.messaging.channels import sending
from apps.messaging.models import Alert
from apps.messaging.tasks import look_at_mail_domains
from apps.shops import mail_identity
from apps.shops.domains import DnsSilent, NotADomain
from apps.shops.models import Shop
from tests.messaging.peers import hangs_up, http_peer, says
from tests.shops.test_domains import zone  # noqa: F401 (a fixture: a real DNS server)

pytestmark = pytest.mark.django_db
PAGE = "/gestion/reglages/e-mail/"
MINE = "bonjour@macave.example"


@pytest.fixture
def ready(zone, shop):  # noqa: F811
    """A domain that lets us write, and whose every record may be broken by the test."""
    zone["_comptoir.macave.example", "TXT"] = [f'"{mail_identity.word_of(shop, "macave.example")}"']
    zone["macave.example", "TXT"] = ['"google-site=x"', '"v=spf1 include:spf.brevo.com ~all"']
    for key in ("brevo1", "brevo2"):
        zone[f"{key}._domainkey.macave.example", "TXT"] = ['"k=rsa; p=MIGfMA0G" "CSqGSIb3DQEB"']
    zone["_dmarc.macave.example", "TXT"] = ['"v=DMARC1; p=none"']
    return zone


def findings(shop, domain="macave.example"):
    report = mail_identity.examine(shop, domain)
    return {one.name: one for one in report.findings}


def test_a_domain_that_agrees_is_used_from_the_next_mail(owner_client, shop, ready):
    text = owner_client.post(PAGE, {"mail_from": "Bonjour@MaCave.example"}).text
    assert "adresse en service" in text
    assert text.count("en ordre") == 5
    shop.refresh_from_db()
    assert sending("email").sender(shop) == MINE
    assert owner_client.post(f"{PAGE}retirer/").url == PAGE
    shop.refresh_from_db()
    assert sending("email").sender(shop) == "bonjour@localhost"


@pytest.mark.parametrize(
    "broken",
    [
        ("Preuve", "_comptoir.macave.example", [], "prouve que le domaine"),
        ("Preuve", "_comptoir.macave.example", ['"comptoir-mail=autre"'], "Ajoutez"),
        ("SPF", "macave.example", [], "Aucun enregistrement SPF"),
        ("SPF", "macave.example", ['"v=spf1 mx ~all"'], "Il ne nous nomme pas"),
        ("SPF", "macave.example", ['"v=spf1 -all"', '"v=spf1 mx ~all"'], "un seul est permis"),
        ("SPF", "macave.example", ['"v=spf1 include:spf.brevo.com +all"'], "tout le monde"),
        ("DKIM 1", "brevo1._domainkey.macave.example", [], "Aucune clé"),
        ("DKIM 1", "brevo1._domainkey.macave.example", ['"v=DKIM1; p="'], "révoquée"),
        ("DKIM 2", "brevo2._domainkey.macave.example", [], "Aucune clé"),
        ("DMARC", "_dmarc.macave.example", [], "Gmail et Yahoo"),
        ("DMARC", "_dmarc.macave.example", ['"v=DMARC1; rua=x"'], "ne peut pas être lu"),
    ],
)
def test_each_thing_that_is_missing_is_explained_and_nothing_is_used(
    owner_client, shop, ready, broken
):
    name, host, records, told = broken
    ready[host, "TXT"] = records
    found = findings(shop)
    assert [one for one in found.values() if not one.good] == [found[name]]
    text = owner_client.post(PAGE, {"mail_from": MINE}).text
    assert told in text
    assert found[name].wanted.split(" ")[0] in text
    shop.refresh_from_db()
    assert shop.mail_from == MINE
    assert sending("email").sender(shop) == "bonjour@localhost"


def test_the_shops_own_spf_record_is_completed_and_not_replaced(shop, ready):
    ready["macave.example", "TXT"] = ['"v=spf1 mx include:_spf.ovh.example ~all"']
    wanted = findings(shop)["SPF"].wanted
    assert wanted == "v=spf1 include:spf.brevo.com mx include:_spf.ovh.example ~all"


def test_an_include_of_an_include_counts_and_a_circle_ends(shop, ready):
    ready["macave.example", "TXT"] = ['"v=spf1 include:a.example ~all"']
    ready["a.example", "TXT"] = ['"v=spf1 include:macave.example include:b.example ~all"']
    assert not findings(shop)["SPF"].good
    ready["b.example", "TXT"] = ['"v=spf1 redirect=spf.brevo.com"']
    assert findings(shop)["SPF"].good


def test_a_subdomain_follows_the_dmarc_of_its_parent(shop, ready):
    ready["_dmarc.macave.example", "TXT"] = ['"v=DMARC1; p=reject"']
    assert "meilleure protection" in str(findings(shop, "lettre.macave.example")["DMARC"].sentence)


def test_a_neighbour_cannot_write_from_my_domain(shop, other_shop, ready):
    assert findings(shop)["Preuve"].good
    assert not findings(other_shop)["Preuve"].good


@pytest.mark.parametrize("address", ["cave@gmail.com", "cave@orange.fr"])
def test_a_mailbox_of_everybody_is_refused_with_what_to_do(owner_client, zone, address):  # noqa: F811
    answer = owner_client.post(PAGE, {"mail_from": address})
    assert answer.status_code == 422
    assert "adresse de réponse" in answer.text


def test_what_is_no_address_keeps_what_was_typed(owner_client, zone):  # noqa: F811
    answer = owner_client.post(PAGE, {"mail_from": "pas une adresse"})
    assert answer.status_code == 422
    assert "pas une adresse" in answer.text


def test_a_dns_that_is_silent_says_so_and_changes_nothing(
    owner_client, shop, settings, monkeypatch
):
    settings.DNS_SERVER = "127.0.0.1:9"  # nobody answers there
    monkeypatch.setattr("apps.shops.providers.dns.SECONDS", 0.2)
    answer = owner_client.post(PAGE, {"mail_from": MINE})
    assert answer.status_code == 422
    assert "ne répond pas" in answer.text


def in_use(shop):
    mail_identity.adopt(shop=shop, address=MINE, by=SYSTEM)
    connection.set_schema_to_public()
    look_at_mail_domains()
    connection.set_tenant(shop)
    return Shop.objects.get(pk=shop.pk)


def test_every_day_the_domain_is_looked_at_again(shop, ready):
    assert in_use(shop).mail_proven_at > timezone.now() - timedelta(minutes=1)
    ready["macave.example", "TXT"] = ['"v=spf1 -all"']
    connection.set_schema_to_public()
    look_at_mail_domains()
    connection.set_tenant(shop)
    assert sending("email").sender(Shop.objects.get(pk=shop.pk)) == "bonjour@localhost"
    assert Alert.objects.get().code == "mail_domain_lost"


def test_a_dns_that_is_away_for_a_day_takes_nothing_away(shop, ready, settings, monkeypatch):
    settings_before = settings.DNS_SERVER
    assert in_use(shop).mail_proven_at
    settings.DNS_SERVER = "127.0.0.1:9"
    monkeypatch.setattr("apps.shops.providers.dns.SECONDS", 0.2)
    assert mail_identity.look_again(Shop.objects.get(pk=shop.pk), timezone.now())
    with pytest.raises(DnsSilent):
        mail_identity.examine(shop, "macave.example")
    settings.DNS_SERVER = settings_before


def test_the_platforms_own_domain_is_nobodys(shop):
    with pytest.raises(NotADomain):
        mail_identity.domain_of("moi@cave.localhost")


def test_only_the_owner_sets_it(helper_client, neighbour_client, visitor):
    for client in (helper_client, neighbour_client):
        assert client.get(PAGE).status_code == 403
    assert visitor.get(PAGE).status_code == 302


# --- who carries the mails ----------------------------------------------------------------


class Brevo:
    """Knows the domains it was told of, and looks at the DNS when it is asked to."""

    def __init__(self, peer):
        self.known, self.sees, self.asked = {}, True, []
        peer.answer = self.on_request

    def on_request(self, handler, call):
        self.asked.append(f"{call.method} {call.path}")
        assert call.headers["api-key"] == "cle"
        if call.method == "POST":
            self.known[call.json["name"]] = False
            return says(200, {"id": 1})(handler, call)
        name = call.path.removesuffix("/authenticate").rpartition("/")[2]
        if name not in self.known:
            return says(404, {"code": "document_not_found"})(handler, call)
        if call.method == "PUT":
            self.known[name] = self.sees
            return says(200 if self.sees else 400, {})(handler, call)
        code = {"type": "TXT", "value": "brevo-code:0a1b", "host_name": "@", "status": False}
        found = {"domain": name, "authenticated": self.known[name]}
        return says(200, {**found, "dns_records": {"brevo_code": code}})(handler, call)


@pytest.fixture
def brevo(settings, ready):
    """The platform's mails leave by Brevo."""
    with http_peer() as peer:
        settings.EMAIL_PROVIDER = "brevo"
        api = {"BREVO_API_URL": f"{peer.url}/v3/", "BREVO_API_KEY": "cle"}
        settings.ANYMAIL = {**settings.ANYMAIL, **api}
        made = Brevo(peer)
        made.peer = peer
        yield made


def with_code(zone):  # noqa: F811
    zone["macave.example", "TXT"] = [*zone["macave.example", "TXT"], '"brevo-code:0a1b"']


def test_brevo_learns_of_the_domain_and_its_record_is_asked_for(owner_client, shop, brevo):
    text = owner_client.post(PAGE, {"mail_from": MINE}).text
    assert "macave.example" in brevo.known
    assert "brevo-code:0a1b" in text
    assert not brevo.known["macave.example"]
    shop.refresh_from_db()
    assert sending("email").sender(shop) == "bonjour@localhost"


def test_once_all_is_there_brevo_looks_and_the_address_is_used(owner_client, shop, brevo, ready):
    with_code(ready)
    text = owner_client.post(PAGE, {"mail_from": MINE}).text
    assert brevo.known == {"macave.example": True}
    assert text.count("en ordre") == 6
    shop.refresh_from_db()
    assert sending("email").sender(shop) == MINE
    brevo.asked.clear()
    assert mail_identity.look_again(shop, timezone.now())
    assert brevo.asked == ["GET /v3/senders/domains/macave.example"]


def test_brevo_is_not_asked_to_look_before_the_rest_is_there(shop, brevo, ready):
    with_code(ready)
    ready["brevo2._domainkey.macave.example", "TXT"] = []
    assert "dès que le reste" in str(findings(shop)["Brevo"].sentence)
    assert not [one for one in brevo.asked if one.startswith("PUT")]


def test_what_brevo_has_not_seen_yet_is_not_used(shop, brevo, ready):
    with_code(ready)
    brevo.sees = False
    found = findings(shop)["Brevo"]
    assert not found.good
    assert "quelques minutes" in str(found.sentence)


@pytest.mark.parametrize("answer", [says(500, ""), says(200, "{"), says(200, {}), hangs_up])
def test_a_brevo_that_is_silent_proves_nothing_and_takes_nothing_away(
    owner_client, shop, brevo, ready, answer
):
    with_code(ready)
    shop = in_use(shop)
    brevo.peer.answer = answer
    assert mail_identity.look_again(shop, timezone.now())
    text = owner_client.post(PAGE, {"mail_from": MINE}).text
    assert "Brevo, qui porte nos e-mails, ne répond pas" in text
    shop.refresh_from_db()
    assert sending("email").sender(shop) == MINE
