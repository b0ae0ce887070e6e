"""Signing in with Google, played against a Google of our own on this machine."""

import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter

from apps.accounts.models import User
from apps.accounts.services import open_account
from tests.messaging.peers import http_peer, says

pytestmark = pytest.mark.django_db
CLIENT = "notre-identifiant.apps.example"
BACK = "http://localhost:8000/connexion/google/retour/"
SOMEBODY = {
    "sub": "10987",
    "email": "camille@exemple.fr",
    "email_verified": True,
    "name": "Camille Roy",
    "given_name": "Camille",
    "family_name": "Roy",
}


@pytest.fixture(autouse=True)
def keys(settings):
    google = {**settings.SOCIALACCOUNT_PROVIDERS["google"]}
    google["APPS"] = [{"client_id": CLIENT, "secret": "notre-secret"}]
    settings.SOCIALACCOUNT_PROVIDERS = {"google": google}
    settings.GOOGLE_SIGN_IN = True


@pytest.fixture
def google(monkeypatch):
    """Google's own end; what it says of the person is set by ``tells``."""
    with http_peer() as peer:
        monkeypatch.setattr(GoogleOAuth2Adapter, "access_token_url", f"{peer.url}/token")
        yield peer


def tells(google, **claims):
    now = int(time.time())
    issued = {"iss": "https://accounts.google.com", "aud": CLIENT, "iat": now, "exp": now + 600}
    word = jwt.encode({**issued, **SOMEBODY, **claims}, "x" * 32, "HS256")
    google.answer = says(200, {"access_token": "a", "token_type": "Bearer", "id_token": word})


def ask(client):
    """Press the button; returns what Google is asked."""
    away = client.post("/connexion/google/", {"process": "login"})
    parts = urlsplit(away["Location"])
    assert parts.hostname == "accounts.google.com"
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def come_back(client):
    return client.get("/connexion/google/retour/", {"code": "c0de", "state": ask(client)["state"]})


def test_the_button_is_there_with_keys_and_only_then(platform_client, settings):
    for path in ("/connexion/", "/inscription/"):
        assert "Continuer avec Google" in platform_client.get(path).content.decode()
    settings.GOOGLE_SIGN_IN = False
    assert "Continuer avec Google" not in platform_client.get("/connexion/").content.decode()


def test_the_button_leads_to_google_with_our_name_a_state_and_our_way_back(platform_client):
    asked = ask(platform_client)
    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, BACK)
    assert asked["response_type"] == "code"
    assert set(asked["scope"].split()) == {"profile", "email"}
    assert len(asked["state"]) >= 16
    assert ask(platform_client)["state"] != asked["state"]


def test_a_new_person_comes_back_with_an_account_a_name_and_a_proven_address(
    platform_client, google
):
    tells(google)
    assert come_back(platform_client)["Location"] == "/boutiques/"
    (call,) = google.calls
    sent = {name: call.form[name] for name in ("code", "client_id", "client_secret")}
    assert sent == {"code": "c0de", "client_id": CLIENT, "client_secret": "notre-secret"}
    assert call.form["redirect_uri"] == BACK
    user = User.objects.get(email="camille@exemple.fr")
    assert user.name == "Camille Roy"
    assert EmailAddress.objects.get(user=user).verified
    assert platform_client.get("/boutiques/").status_code == 200


def test_who_has_an_account_with_that_proven_address_enters_it(platform_client, google):
    known = open_account("camille@exemple.fr", "une cave bien tenue", name="Camille")
    tells(google)
    assert come_back(platform_client)["Location"] == "/boutiques/"
    assert SocialAccount.objects.get(uid="10987").user == known
    assert User.objects.filter(email="camille@exemple.fr").count() == 1


def test_an_address_google_has_not_proven_opens_nobody_s_account(platform_client, google):
    open_account("camille@exemple.fr", "une cave bien tenue", name="Camille")
    tells(google, email_verified=False)
    come_back(platform_client)
    assert not SocialAccount.objects.exists()
    assert platform_client.get("/boutiques/").status_code == 302


def test_a_forged_state_opens_nothing(platform_client, google):
    tells(google)
    ask(platform_client)
    answer = platform_client.get("/connexion/google/retour/", {"code": "c0de", "state": "faux"})
    assert "Google n’a pas répondu comme prévu" in answer.content.decode()
    assert not google.calls
    assert not User.objects.filter(email="camille@exemple.fr").exists()


def test_who_turns_back_at_google_is_told_that_nothing_changed(platform_client):
    query = {"error": "access_denied", "state": ask(platform_client)["state"]}
    answer = platform_client.get("/connexion/google/retour/", query, follow=True)
    assert "Rien n’est changé" in answer.content.decode()


def test_a_google_that_breaks_is_told_in_french(platform_client, google):
    google.answer = says(500, "oops")
    answer = come_back(platform_client)
    assert "Google n’a pas répondu comme prévu" in answer.content.decode()
    assert answer.status_code < 500


def test_without_keys_googles_addresses_do_not_exist(platform_client, settings):
    settings.SOCIALACCOUNT_PROVIDERS = {"google": {"APPS": []}}
    for path in ("/connexion/google/", "/connexion/google/retour/?code=x&state=y"):
        assert platform_client.get(path).status_code == 404
