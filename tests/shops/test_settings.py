"""What the owner says of the shop: checked, kept, and remembered before and after."""

import pytest

from apps.audit.models import Entry
from apps.shops.models import Shop

pytestmark = pytest.mark.django_db

IDENTITY = {
    "name": "Cave du Marché",
    "trade": "wine",
    "sells_alcohol": "oui",
    "region": "FR",
    "street": "3 place Carnot",
    "postal_code": "21200",
    "city": "Beaune",
    "phone": "03 80 22 11 00",
    "email": "bonjour@cave.example",
    "siren": "732 829 320",
    "legal_name": "Cave du Marché SARL",
    "publisher": "Hélène Roy",
    "opening_hours": "",
}
MESSAGES = {
    "sms_sender": "CAVEMARCHE",
    "reply_to": "bonjour@cave.example",
    "quiet_until": "09:00",
    "quiet_from": "20:00",
    "cap_days": "10",
}


def test_the_shops_identity_is_kept_in_its_plain_form(owner_client, shop):
    answer = owner_client.post("/gestion/reglages/", IDENTITY)
    assert answer.status_code == 302
    kept = Shop.objects.get(pk=shop.pk)
    assert (kept.siren, kept.phone, kept.street) == ("732829320", "+33380221100", "3 place Carnot")


def test_the_owner_is_told_what_the_legal_notice_lacks(owner_client):
    page = owner_client.get("/gestion/reglages/").content.decode()
    assert "mentions légales ne sont pas complètes" in page
    for field in ("siren", "publisher", "street"):
        assert f'<a href="#id_{field}">' in page
        assert f'id="id_{field}"' in page
    owner_client.post("/gestion/reglages/", {**IDENTITY, "siren": ""})
    page = owner_client.get("/gestion/reglages/").content.decode()
    assert page.count('<a href="#id_') == 1
    assert '<a href="#id_siren">SIREN</a>' in page
    owner_client.post("/gestion/reglages/", IDENTITY)
    assert "ne sont pas complètes" not in owner_client.get("/gestion/reglages/").content.decode()


def test_the_trail_keeps_settings_before_and_after_but_no_person(owner_client, run_jobs):
    owner_client.post("/gestion/reglages/", {**IDENTITY, "city": "Dijon", "sells_alcohol": "non"})
    run_jobs()
    line = Entry.objects.get(verb="shop.settings")
    assert line.before["city"] == "Beaune"
    assert line.after["city"] == "Dijon"
    assert line.after["sells_alcohol"] is False
    assert "publisher" in line.after["others"]
    assert "Hélène" not in str(line.after)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("siren", "123456789", "Ce n’est pas un SIREN"),
        ("postal_code", "2120", "cinq chiffres"),
        ("phone", "12", "n’existe pas"),
        ("name", "", "obligatoire"),
    ],
)
def test_a_wrong_entry_is_told_beside_the_field_and_nothing_is_lost(
    owner_client, shop, field, typed, said
):
    answer = owner_client.post("/gestion/reglages/", {**IDENTITY, "city": "Nuits", field: typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert 'value="Nuits"' in page
    assert Shop.objects.get(pk=shop.pk).city == "Beaune"


def test_a_refused_name_does_not_rename_the_page_around_it(owner_client):
    page = owner_client.post(
        "/gestion/reglages/", {**IDENTITY, "name": "Autre nom", "siren": "1"}
    ).content.decode()
    assert '<a class="brand" href="/gestion/">Cave du Marché</a>' in page


@pytest.mark.parametrize(
    "sender", ["INFO", "promo", "0612345678", "AB", "TROPLONGPOURUNSMS", "CAVE MARCHE", "Épicerie"]
)
def test_a_sender_the_operators_refuse_is_refused_here(owner_client, sender):
    answer = owner_client.post("/gestion/reglages/messages/", {**MESSAGES, "sms_sender": sender})
    assert answer.status_code == 422


def test_hours_may_be_narrowed_never_widened(owner_client, shop):
    address = "/gestion/reglages/messages/"
    assert owner_client.post(address, MESSAGES).status_code == 302
    kept = Shop.objects.get(pk=shop.pk)
    assert (f"{kept.quiet_until:%H:%M}", kept.cap_days) == ("09:00", 10)
    for hours in ({"quiet_until": "07:00"}, {"quiet_from": "22:00"}, {"quiet_from": "08:30"}):
        answer = owner_client.post(address, {**MESSAGES, **hours})
        assert "réduire, pas élargir" in answer.content.decode()


def test_a_colour_is_seen_before_it_is_kept_and_stays_legible(owner_client, shop):
    part = owner_client.get("/gestion/reglages/apparence/apercu/?accent=%23ffe600").content.decode()
    assert "Encre sombre" in part
    sheet = owner_client.get("/gestion/reglages/apparence/apercu.css?accent=%23ffe600")
    assert sheet["Content-Type"] == "text/css"
    assert "--accent:#ffe600" in sheet.content.decode()
    assert Shop.objects.get(pk=shop.pk).accent == "#6d1a36"
    assert (
        owner_client.post("/gestion/reglages/apparence/", {"accent": "#2c6a4b"}).status_code == 302
    )
    assert Shop.objects.get(pk=shop.pk).accent == "#2c6a4b"


@pytest.mark.parametrize("accent", ["red", "%23fff", "%23ffe600;}body{display:none", ""])
def test_no_other_text_reaches_the_stylesheet(owner_client, accent):
    address = f"/gestion/reglages/apparence/apercu.css?accent={accent}"
    assert owner_client.get(address).status_code == 404


@pytest.mark.parametrize("tab", ["", "apparence/", "messages/", "domaine/"])
def test_settings_are_the_owners_alone(helper_client, tab):
    assert helper_client.get(f"/gestion/reglages/{tab}").status_code == 403
