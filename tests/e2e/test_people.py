"""The owner's people in a real browser: found, read, imported, taken out, on a phone and a desk."""

import re
from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.contacts.consent import write_consent
from apps.contacts.models import ConsentState, Contact
from apps.contacts.services import tag_named
from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.loyalty.importing import import_stamps
from apps.loyalty.models import Programme
from apps.review.models import Case
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

FILE = (
    "Prénom;Nom;Téléphone;Courriel;Nb tampons;Accord SMS\r\n"
    "Éloïse;Brûlé;612345678;eloise@exemple.fr;12,0;oui\r\n"
    "Marc;Petit;+33 6 98 76 54 32;;4;non\r\n"
    "Sans;Rien;12;;3;\r\n"
)


@pytest.fixture
def full(stack):
    """A shop with 120 people who came, agreed, stopped; and Hélène, who has a story."""
    shop = stack.open_shop(f"cave-{uuid4().hex[:6]}", "Cave du Marché", sells_alcohol=True)
    chance, now = Random(7), timezone.now()
    with in_schema(shop.schema_name):
        ProgrammeFactory(goal=10)
        for n in range(120):
            person = ContactFactory(
                agreeing=n % 3 == 0,
                email=f"client{n}@exemple.fr" if n % 2 else "",
                last_visit_at=now - timedelta(days=chance.randint(0, 200)),
                visits=chance.randint(1, 40),
                phone_bad_at=now if n % 17 == 0 else None,
            )
            ready = 1 if n % 11 == 0 else 0
            CardFactory(contact=person, balance=chance.randint(0, 9), rewards_ready=ready)
            if n % 4 == 0:
                person.tags.add(tag_named(chance.choice(["bulles", "jura", "habituée"])))
        helene = ContactFactory(
            first_name="Hélène",
            last_name="Dupré-Saint-Germain",
            agreeing=True,
            email="helene.dupre-saint-germain@exemple-tres-long.fr",
            last_visit_at=now,
            note="Aime le jura, pas les bulles.",
        )
        helene.tags.add(tag_named("jura"), tag_named("habituée"))
        card = CardFactory(contact=helene)
        import_stamps(card, 17, token=uuid4(), by=SYSTEM, now=now - timedelta(days=30))
        write_consent(helene, "email", ConsentState.WITHDRAWN, source="message", by=SYSTEM)
    return shop


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_a_full_shop_is_read_at_a_glance(page, stack, full, view):
    sign_in(page, stack, full, "manager")
    page.goto(stack.url(full, "/gestion/clients/"))
    look(page, f"clients-{view.name}")
    fits(page)
    axe(page)
    first = page.locator(".people tbody tr").first.bounding_box()
    assert first["y"] + first["height"] < view.height, "the list begins on the first screen"
    page.get_by_label("Nom, numéro ou e-mail").press_sequentially("dupre")
    page.get_by_text(re.compile("^1 client")).wait_for()
    assert "q=dupre" in page.url
    assert page.get_by_label("Nom, numéro ou e-mail").input_value() == "dupre"
    page.get_by_role("link", name="Hélène Dupré-Saint-Germain").click()
    page.get_by_role("heading", name="Hélène Dupré-Saint-Germain").wait_for()
    page.screenshot(path=look(page, f"fiche-{view.name}"), full_page=True)
    fits(page)
    axe(page)
    page.get_by_role("link", name="Modifier").click()
    page.get_by_role("button", name="Enregistrer").wait_for()
    page.screenshot(path=look(page, f"modifier-{view.name}"), full_page=True)
    fits(page)
    axe(page)
    page.goto(stack.url(full, "/gestion/clients/exporter/"))
    look(page, f"exporter-{view.name}")
    fits(page)
    axe(page)


@views(PHONE, DESK, PHONE_DARK)
def test_an_empty_shop_learns_then_imports(page, stack, view, listener):
    listener.expect("422")
    shop = stack.open_shop(f"vide-{uuid4().hex[:6]}", "Cave vide")
    sign_in(page, stack, shop, "manager")
    page.goto(stack.url(shop, "/gestion/clients/"))
    look(page, f"clients-vide-{view.name}")
    fits(page)
    axe(page)
    page.get_by_role("link", name="Importer un fichier").click()
    page.get_by_label("Votre fichier CSV").wait_for()
    look(page, f"importer-{view.name}")
    axe(page)
    excel = {"name": "c.xlsx", "mimeType": "application/zip", "buffer": b"PK\x03\x04 classeur"}
    page.get_by_label("Votre fichier CSV").set_input_files(excel)
    page.get_by_role("button", name="Lire le fichier").click()
    page.get_by_role("alert").filter(has_text="Enregistrer sous").wait_for()
    look(page, f"importer-excel-{view.name}")
    fits(page)
    axe(page)
    file = {"name": "c.csv", "mimeType": "text/csv", "buffer": FILE.encode("cp1252")}
    page.get_by_label("Votre fichier CSV").set_input_files(file)
    page.get_by_role("button", name="Lire le fichier").click()
    page.get_by_role("heading", name="Vérifier avant d’importer").wait_for()
    assert page.get_by_text("Éloïse").first.is_visible()
    page.screenshot(path=look(page, f"import-{view.name}"), full_page=True)
    fits(page)
    axe(page)
    page.get_by_label("D’où viennent les accords").select_option("paper")
    page.get_by_label("Étiquette pour tous").fill("ancienne carte")
    page.get_by_role("button", name="Importer 3 lignes").click()
    page.get_by_role("heading", name="Import terminé").wait_for()
    page.screenshot(path=look(page, f"rapport-{view.name}"), full_page=True)
    fits(page)
    axe(page)
    with in_schema(shop.schema_name):
        assert Contact.objects.get(first_name="Éloïse").card.rewards_ready == 1


def test_tags_and_a_stop_by_keyboard_alone(page, stack, full):
    sign_in(page, stack, full, "manager")
    with in_schema(full.schema_name):
        person = Contact.objects.get(first_name="Hélène", last_name__startswith="Dupré")
    page.goto(stack.url(full, f"/gestion/clients/{person.pk}/"))
    page.get_by_label("Nouvelle étiquette").focus()
    page.keyboard.type("magnums")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Retirer l’étiquette magnums").wait_for()
    page.locator("summary").filter(has_text="Noter ce que").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Dit au comptoir").first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Elle ne veut plus rien recevoir").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Elle seule peut y revenir").nth(1).wait_for()
    with in_schema(full.schema_name):
        person.refresh_from_db()
        assert person.sms_consent == ConsentState.WITHDRAWN


@views(PHONE, DESK_DARK)
def test_two_records_of_one_person_are_compared_and_made_one(page, stack, full, view):
    with in_schema(full.schema_name):
        Programme.objects.update(merge_rule="sum")
        helene = Contact.objects.get(last_name="Dupré-Saint-Germain")
        again = ContactFactory(
            first_name="Helene", last_name="Dupré-Saint-Germain", phone="", email="h@exemple.fr"
        )
        CardFactory(contact=again, number=9000)
    sign_in(page, stack, full, "manager")
    page.goto(stack.url(full, f"/gestion/clients/{helene.pk}/"))
    page.get_by_role("link", name="Réunir deux fiches").click()
    page.get_by_role("heading", name="Le même nom").wait_for()
    fits(page)
    axe(page)
    look(page, f"reunir-choix-{view.name}")
    page.get_by_role("link", name="Comparer avec Helene").click()
    page.get_by_role("heading", name="Ensuite, une seule").wait_for()
    fits(page)
    axe(page)
    page.screenshot(path=look(page, f"reunir-{view.name}"), full_page=True)
    page.get_by_role("button", name="Réunir les deux fiches").click()
    page.get_by_text("Les deux fiches n’en font plus qu’une.").wait_for()
    with in_schema(full.schema_name):
        assert Contact.objects.get(pk=again.pk).merged_into_id == helene.pk


@views(PHONE, PHONE_DARK, DESK)
def test_every_room_of_the_shop_is_a_thumb_away(page, stack, full, view):
    with in_schema(full.schema_name):
        Case.objects.create(kind="twice", key="1", at=timezone.now(), facts={})
    sign_in(page, stack, full, "manager")
    page.goto(stack.url(full, "/gestion/clients/"))
    catalogue = page.get_by_role("link", name="Catalogue")
    more = page.get_by_role("button", name="Plus")
    if view.width < 700:
        assert not catalogue.is_visible()
        more.focus()
        page.keyboard.press("Enter")
    catalogue.wait_for()
    look(page, f"menu-{view.name}")
    fits(page)
    axe(page)
    catalogue.click()
    page.wait_for_url("**/gestion/catalogue/")
    look(page, f"menu-there-{view.name}")
