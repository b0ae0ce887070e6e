"""Guessing is cut short, by what the database counts, whoever claims to be elsewhere."""

import pytest
from django.core.cache import cache
from django.test import Client

from apps.accounts.services import open_account
from apps.core.models import CacheRow

pytestmark = pytest.mark.django_db
PASSWORD = "une cave bien tenue"


def browser(**headers):
    return Client(SERVER_NAME="localhost", HTTP_HOST="localhost:8000", **headers)


def test_guessing_a_password_is_cut_short_across_processes(db):
    open_account("claire@exemple.fr", PASSWORD)
    for number in range(11):
        guess = {"login": "claire@exemple.fr", "password": f"faux{number}"}
        # another browser, another address each time: the account itself is what is counted
        browser(REMOTE_ADDR=f"192.0.2.{number}").post("/connexion/", guess)
    right = {"login": "claire@exemple.fr", "password": PASSWORD}
    assert browser().post("/connexion/", right).status_code == 200, "not let in"
    kept = CacheRow.objects.count()
    assert kept, "counted in PostgreSQL, so by all processes together"
    cache.clear()
    assert browser().post("/connexion/", right).status_code == 302


def test_signing_up_without_end_is_refused_by_true_address(settings):
    settings.TRUSTED_PROXIES = 1
    answers = [
        browser(HTTP_X_FORWARDED_FOR=f"203.0.113.{number}, 198.51.100.7").post("/inscription/", {})
        for number in range(25)
    ]
    assert answers[-1].status_code == 429
    assert "Patientez" in answers[-1].content.decode()
    elsewhere = browser(HTTP_X_FORWARDED_FOR="198.51.100.8").post("/inscription/", {})
    assert elsewhere.status_code == 200
