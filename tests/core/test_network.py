"""Whose request it is, as limits count it; and which ways lead outside."""

import pytest
from django.test import RequestFactory

from apps.core.network import client_address, safe_path


@pytest.mark.parametrize(
    ("hops", "claimed", "found"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (2, "203.0.113.9, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),
        (1, "2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        (1, "::ffff:198.51.100.7", "198.51.100.7"),
        (1, "pas une adresse", "pas une adresse"),
    ],
)
def test_the_visitor_is_whom_the_trusted_proxy_saw(settings, hops, claimed, found):
    settings.TRUSTED_PROXIES = hops
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=claimed)
    assert client_address(request) == found


def test_one_line_at_home_is_one_visitor_however_many_addresses_it_holds(settings):
    settings.TRUSTED_PROXIES = 0
    seen = {
        client_address(RequestFactory().get("/", REMOTE_ADDR=f"2001:db8:1:2::{n:x}"))
        for n in range(20)
    }
    assert len(seen) == 1


@pytest.mark.parametrize(
    "path",
    [
        "//pirate.example/",
        "/\\pirate.example/",
        "https://pirate.example/",
        "pirate",
        "",
        "/\x09/pirate.example",
    ],
)
def test_no_path_leads_outside(path):
    assert safe_path(path) == ""


def test_a_path_of_ours_stays_with_its_question():
    assert safe_path("/gestion/clients/?page=2") == "/gestion/clients/?page=2"
