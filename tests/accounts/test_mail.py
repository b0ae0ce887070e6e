"""The platform's own mails, as they are read."""

import pytest

from apps.accounts.mail import post_letter
from apps.accounts.models import PlatformMail

pytestmark = pytest.mark.django_db


def html_of(text):
    post_letter(to="claire@exemple.fr", subject="Bonjour", text=text, action="Ouvrir")
    return PlatformMail.objects.latest("pk").html


def test_the_text_has_french_spaces_and_no_link_is_harmed():
    post_letter(
        to="a@exemple.fr", subject="x", text="Oublié ? Ici :\n\nhttp://localhost:8000/?a=1;b\n"
    )
    text = PlatformMail.objects.latest("pk").text
    assert text == "Oublié\u202f? Ici\u00a0:\n\nhttp://localhost:8000/?a=1;b"


def test_only_a_link_of_ours_becomes_a_button():
    assert ">Ouvrir</a>" in html_of("Voici :\n\nhttp://localhost:8000/invitations/x/")
    for foreign in ("https://pirate.example/", "http://localhost:8000.pirate.example/"):
        assert "href" not in html_of(f"Voici :\n\n{foreign}")


def test_a_name_is_words_and_never_markup():
    html = html_of("<b>Cave</b> & fils vous invite")
    assert "&lt;b&gt;Cave&lt;/b&gt; &amp; fils" in html
