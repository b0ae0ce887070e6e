"""What is written of a request: its route, never the path, since paths carry tokens."""

import json
import logging

import pytest

from apps.core.logs import ContextFilter, JsonFormatter
from tests.conftest import ShopClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def written(caplog):
    """The log lines as they leave the process."""
    caplog.set_level(logging.INFO)

    def read():
        for record in caplog.records:
            ContextFilter().filter(record)
        return [json.loads(JsonFormatter().format(record)) for record in caplog.records]

    return read


def test_a_refused_address_is_logged_without_its_token(platform_client, visitor, written):
    assert platform_client.get("/invitations/jeton-secret/").status_code == 410
    assert visitor.get("/nulle-part/jeton-secret/").status_code == 404
    lines = [line for line in written() if line["logger"] == "django.request"]
    assert [line["event"] for line in lines] == [
        "Gone: invitations/<str:token>/",
        "Not Found: …",
    ]
    assert "jeton-secret" not in json.dumps(written())


def test_a_forged_post_is_logged_without_its_token(shop, written):
    forger = ShopClient(shop, enforce_csrf_checks=True)
    assert forger.post("/c/jeton-secret/renouveler/").status_code == 403
    lines = written()
    assert any(line["logger"] == "django.security.csrf" for line in lines)
    assert "jeton-secret" not in json.dumps(lines)
