"""Guessing is cut short, by what the database counts, whoever claims to be elsewhere."""

import time

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from apps.accounts.models import PlatformMail
from apps.accounts.services import open_account
from apps.core.models import CacheRow

pytestmark = pytest.mark.django_db
PASSWORD = "une cave bien tenue"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code():
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


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


def test_guessing_a_code_is_cut_short_though_each_guess_claims_another_address(db):
    user = open_account("claire@exemple.fr", PASSWORD)
    TOTP.activate(user, SECRET)
    guesser = browser()
    asked = guesser.post("/connexion/", {"login": user.email, "password": PASSWORD})
    assert asked["Location"].startswith("/connexion/code/")
    for number in range(11):
        guess = {"code": "000000"}
        guesser.post("/connexion/code/", guess, REMOTE_ADDR=f"192.0.2.{number}")
    assert guesser.post("/connexion/code/", {"code": code()}).status_code == 200, "not let in"
    cache.clear()
    assert guesser.post("/connexion/code/", {"code": code()}).status_code == 302


def test_asking_for_a_new_password_without_end_fills_nobody_s_mailbox(db):
    open_account("claire@exemple.fr", PASSWORD)
    for number in range(12):
        ask = {"email": "claire@exemple.fr"}
        browser(REMOTE_ADDR=f"192.0.2.{number}").post("/mot-de-passe/oublie/", ask)
    assert PlatformMail.objects.count() <= 5


def test_trying_invitations_without_end_is_refused(db):
    tries = [browser().get(f"/invitations/{number:022d}/").status_code for number in range(61)]
    assert set(tries[:60]) == {410}
    assert tries[60] == 429
