"""Staff in the platform's admin, come in through its real pages."""

import time
from types import SimpleNamespace

import pytest
from allauth.mfa.totp.internal import auth
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


def code(at=None):
    return format_hotp_value(hotp_value(SECRET, int(at or time.time()) // 30))


@pytest.fixture
def inside(browser, staff, monkeypatch):
    """Staff, signed in with password and code through the real pages.

    However slow the machine, the code is of the half minute in which it is asked for.
    """
    at = time.time()
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: at))
    TOTP.activate(staff, SECRET)
    first = browser.post("/connexion/?next=/", {"login": staff.email, "password": PASSWORD})
    assert first["Location"].startswith("/connexion/code/")
    assert browser.post("/connexion/code/", {"code": code(at)})["Location"] == "/"
    return browser
