"""A shop that may write at any hour, an outbox on this machine, and ways to post."""

from datetime import time, timedelta

import pytest
from django_q.models import OrmQ

from apps.core.actor import SYSTEM
from apps.messaging import accounts, services, waking
from apps.messaging.providers import provider_of
from apps.messaging.providers.contents import contents
from tests.messaging.peers import MINE, NUMBER, OUR_TOKEN, OURS, TOKEN, Twilio, http_peer, says
from tests.peers.browser import Browser


@pytest.fixture(autouse=True)
def mailbox(tmp_path, settings):
    """Each test has its own mailbox, and mails go there as in local mode."""
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    settings.MAILBOX_DIR.mkdir()
    settings.EMAIL_BACKEND = "apps.core.mailbox.MailboxBackend"
    yield settings.MAILBOX_DIR
    provider_of.cache_clear()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """News wait for no others: ``run_jobs`` runs what is due."""
    monkeypatch.setattr(waking, "GATHER", timedelta(0))


@pytest.fixture
def open_hours(shop):
    """What is tested is not the clock."""
    shop.quiet_until, shop.quiet_from, shop.sundays_allowed = time(0), time.max, True
    shop.save()
    return shop


@pytest.fixture
def twilio(settings):
    """Twilio on this machine, with its accounts; SMS leave by it."""
    with http_peer() as peer:
        settings.SMS_PROVIDER, settings.TWILIO_API_URL = "twilio", peer.url
        settings.TWILIO_CONTENT_URL = peer.url
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = OURS, OUR_TOKEN
        provider_of.cache_clear()
        contents.cache_clear()
        yield Twilio(peer)
        for made in (provider_of("sms"), provider_of("whatsapp"), contents()):
            for client in (made._client, *made._own.values()):
                client.http_client.close()
        contents.cache_clear()


@pytest.fixture
def own(twilio, open_hours, shop):
    """The shop writes by its own account."""
    report = accounts.adopt(
        shop=shop, sid=MINE, token=TOKEN, sender=NUMBER, price_tenths=65, by=SYSTEM
    )
    assert report.good
    shop.refresh_from_db()
    return shop


@pytest.fixture
def posted(shop):
    """``posted(contact, channel="email")``: a commercial SMS unless said otherwise."""

    def post(contact, **fields):
        common = {"channel": "sms", "kind": "commercial", "cause": "drop:1", "body": "Bonjour"}
        return services.post(contact=contact, **{**common, **fields})

    return post


@pytest.fixture
def jobs(db):
    """``jobs()``: the tasks queued since the test began and not run yet."""
    last = max(OrmQ.objects.values_list("pk", flat=True), default=0)

    def queued():
        waiting = OrmQ.objects.filter(pk__gt=last).order_by("pk")
        return [job.task["args"][1].rpartition(".")[2] for job in waiting]

    return queued


@pytest.fixture
def push_service(settings):
    """A push service on this machine, which the platform knows."""
    with http_peer() as peer:
        settings.PUSH_SERVICES = (*settings.PUSH_SERVICES, peer.url)
        peer.answer = says(201, "", Location=f"{peer.url}/message/1")
        yield peer


@pytest.fixture
def browser(push_service):
    return Browser(push_service.url)
