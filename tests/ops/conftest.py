"""Staff in the platform's admin, come in through its real pages."""

import time

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from apps.accounts import services

SECRET = "JBSWY3DPEHPK3PXP"
PASSWORD = "une cave bien tenue"


@pytest.fixture
def browser(db):
    return Client(SERVER_NAME="admin.localhost", HTTP_HOST="admin.localhost:8000")


@pytest.fixture
def staff(db):
    user = services.open_account("equipe@comptoir.example", PASSWORD, name="Zoé")
    user.is_staff = user.is_superuser = True
    user.save()
    return user


def code():
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


@pytest.fixture
def inside(browser, staff):
    """Staff, signed in with password and code through the real pages."""
    TOTP.activate(staff, SECRET)
    first = browser.post("/connexion/?next=/", {"login": staff.email, "password": PASSWORD})
    assert first["Location"].startswith("/connexion/code/")
    assert browser.post("/connexion/code/", {"code": code()})["Location"] == "/"
    return browser
