"""The whole job as people live it: from the landing page to a message that somebody stops."""

import json
import re
from dataclasses import dataclass
from datetime import time

import pytest
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.contacts.models import Contact, Opposition
from apps.core.tenancy import in_schema
from apps.loyalty.models import Card, Redemption
from apps.shops.models import Shop
from tests.e2e.browser import DESK, PHONE, axe, look
from tests.e2e.stack import Stack, wait_for

OWNER_MAIL, PASSWORD = "aurelie.vasseur-job@exemple.fr", "un tonneau de cidre 27"
OWNER_NAME = "Aurélie Vasseur"
PHONE_TYPED, PHONE_KEPT = "06 71 42 53 84", "+33671425384"
CUSTOMER, QUICK = "Bérengère", "Théophile"
LANDLINE_TYPED, LANDLINE_KEPT = "03 80 22 47 16", "+33380224716"
OVERSEAS_TYPED, OVERSEAS_KEPT = "0692 31 75 42", "+262692317542"
TRIAL_TYPED, TRIAL_KEPT = "07 52 63 14 85", "+33752631485"
SHOP_NAME = "Cave des Épinettes"


@dataclass
class Job:
    stack: Stack
    owner: Page
    customer: Page
    helper: Page
    shop: Shop | None = None


@pytest.fixture
def job(stack, someone) -> Job:
    return Job(stack, someone(DESK), someone(PHONE), someone(PHONE))


def sign_up_and_open(job: Job) -> None:
    """Step 2: the landing page, an account, the verified address, a shop with a name."""
    page, stack = job.owner, job.stack
    page.goto(stack.url("platform"))
    page.get_by_role("link", name="Ouvrir ma boutique").first.click()
    page.get_by_label("Prénom et nom").fill(OWNER_NAME)
    page.locator("[name=email]").fill(OWNER_MAIL)
    page.locator("[name=password1]").fill(PASSWORD)
    page.get_by_role("button", name="Créer mon compte").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Regardez votre boîte")
    page.goto(stack.last_posted(OWNER_MAIL).link())
    page.get_by_role("button", name="Oui, confirmer").click()
    page.wait_for_url("**/boutiques/**")
    page.get_by_role("link", name=re.compile("Nommer ma boutique|Ouvrir une autre")).click()
    page.get_by_label("Nom de la boutique").fill(SHOP_NAME)
    page.get_by_label("Métier").select_option("wine")
    page.get_by_role("button", name="Ouvrir la boutique").click()
    page.wait_for_url("**cave-des-epinettes.localhost**")
    job.shop = stack.shop("cave-des-epinettes")
    with in_schema(job.shop.schema_name):
        assert job.shop.memberships.get().user == User.objects.get(email=OWNER_MAIL)
    assert job.shop.name == SHOP_NAME


def choose_the_rule(job: Job) -> None:
    """Step 2, the checklist: two stamps for a bottle, so that a reward comes soon."""
    page = job.owner
    page.goto(job.stack.url(job.shop, "/gestion/fidelite/"))
    page.locator("[name=goal]").fill("2")
    page.locator("[name=reward]").fill("Un verre de cidre")
    page.locator("[name=cooldown_minutes]").fill("0")
    page.get_by_role("button", name="Choisir cette règle").click()
    expect(page.get_by_role("button", name="Enregistrer")).to_be_visible()


def join_from_the_poster(job: Job) -> str:
    """Step 3: joins in one form, sees the card at once, proves the number from the SMS."""
    page, stack = job.customer, job.stack
    page.goto(stack.url(job.shop))
    page.get_by_label("Votre prénom").fill(CUSTOMER)
    page.get_by_label("Votre mobile").fill(PHONE_TYPED)
    for box in page.get_by_role("checkbox").all():
        assert not box.is_checked(), "no box is ticked before the person does"
    page.locator("[name=accord_sms]").check()
    if page.locator("[name=adult]").count():
        page.locator("[name=adult]").check()
    page.get_by_role("button", name="Prendre ma carte").click()
    page.wait_for_url("**/c/**")
    expect(page.get_by_role("heading", level=1)).to_contain_text(CUSTOMER)
    expect(page.get_by_role("img", name="Code QR de votre carte")).to_be_visible()
    with in_schema(job.shop.schema_name):
        assert Contact.objects.get(phone=PHONE_KEPT).sms_consent == "pending"
    page.goto(stack.last_posted(PHONE_KEPT).link())
    page.get_by_role("button", name="C’est bien moi").click()
    page.wait_for_url("**/c/**")
    with in_schema(job.shop.schema_name):
        assert Contact.objects.get(phone=PHONE_KEPT).sms_consent == "granted"
    axe(page)
    look(page, "job-card")
    return page.url


def _invite_helper(job: Job) -> None:
    from tests.e2e.browser import sign_in

    sign_in(job.helper, job.stack, job.shop, "helper", name="Léa")


def _stamps(job: Job) -> int:
    with in_schema(job.shop.schema_name):
        return Card.objects.get(contact__phone=PHONE_KEPT).balance


def stamp_undo_and_redeem(job: Job) -> None:
    """Step 4: found by the last digits; a double tap stamps once; undone; redeemed once."""
    page = job.helper
    page.goto(job.stack.url(job.shop, "/comptoir/"))
    page.get_by_role("searchbox", name="Chercher un client").fill("5384")
    page.get_by_role("link", name=re.compile(CUSTOMER)).click()
    page.get_by_role("button", name="Tamponner").dblclick()
    expect(page.get_by_role("img", name="1 tampon sur 2")).to_be_visible()
    assert _stamps(job) == 1
    page.get_by_role("button", name="Annuler le tampon").click()
    expect(page.get_by_role("img", name="0 tampon sur 2")).to_be_visible()
    assert _stamps(job) == 0
    page.get_by_role("button", name=re.compile("^(Tamponner|Encore un tampon)$")).click()
    expect(page.get_by_role("img", name="1 tampon sur 2")).to_be_visible()
    page.get_by_role("button", name="Encore un tampon").click()
    page.get_by_role("link", name=re.compile("Offrir")).first.click()
    if page.locator("[name=id_checked]").count():
        page.locator("[name=id_checked]").check()
    page.get_by_role("button", name="Offrir").click()
    page.wait_for_url("**/comptoir/**")
    with in_schema(job.shop.schema_name):
        assert Redemption.objects.count() == 1
        assert Card.objects.get(contact__phone=PHONE_KEPT).rewards_ready == 0


def quick_add(job: Job) -> None:
    """Step 4: a phone number is enough; a landline stays without SMS; overseas is one person."""
    page = job.helper
    for typed, name in ((LANDLINE_TYPED, QUICK), (OVERSEAS_TYPED, ""), ("+262 692 317 542", "")):
        page.goto(job.stack.url(job.shop, "/comptoir/ajouter/"))
        page.locator("[name=phone]").fill(typed)
        page.locator("[name=first_name]").fill(name)
        if page.locator("[name=send_card]").is_checked():
            page.locator("[name=send_card]").uncheck()
        page.get_by_role("button", name="Ajouter").click()
        page.wait_for_url(re.compile(r"/comptoir/(carte/\d+/)?(\?.*)?$"))
    with in_schema(job.shop.schema_name):
        landline = Contact.objects.get(phone=LANDLINE_KEPT)
        assert not landline.phone_mobile
        assert landline.first_name == QUICK
        assert Contact.objects.filter(phone=OVERSEAS_KEPT).count() == 1


def open_hours(job: Job) -> None:
    """The test may run at night: this shop writes at any hour, to people who are here."""
    with in_schema(job.shop.schema_name):
        Shop.objects.filter(pk=job.shop.pk).update(
            quiet_until=time(0), quiet_from=time.max, sundays_allowed=True, sms_sender="EPINETTES"
        )


def send_a_drop(job: Job) -> None:
    """Step 5: written for one tag-less audience, tried out, sent, watched until it is done."""
    page, stack = job.owner, job.stack
    open_hours(job)
    page.goto(stack.url(job.shop, "/gestion/messages/"))
    page.get_by_role("link", name=re.compile("Écrire")).first.click()
    page.locator("[name=depart][value=blank]").click()
    page.wait_for_url(re.compile(r"/gestion/messages/\d+/"))
    page.locator("[name=title]").fill("Cidre nouveau")
    page.locator("[name=sms_text]").fill("{prénom}, le cidre nouveau est là : 6,50 E.")
    page.locator("[name=use_email]").uncheck()
    expect(page.locator("#portee")).to_contain_text("1 personne")
    expect(page.locator("#apercu")).to_contain_text("cidre nouveau")
    axe(page)
    look(page, "job-composer")
    before = len(stack.posted(TRIAL_KEPT))
    page.locator("#essai [name=phone]").fill(TRIAL_TYPED)
    page.get_by_role("button", name="Envoyer l’essai").click()
    assert "cidre nouveau" in stack.last_posted(TRIAL_KEPT, after=before).body
    before = len(stack.posted(PHONE_KEPT))
    page.get_by_role("button", name=re.compile("Envoyer à 1 client")).click()
    page.get_by_role("button", name=re.compile("^Envoyer à")).click()
    expect(page.locator("#suivi")).to_contain_text("terminé")
    sms = stack.last_posted(PHONE_KEPT, after=before)
    assert f"{CUSTOMER}, le cidre nouveau" in sms.body
    assert "Stop: http" in sms.body
    assert len(stack.posted(PHONE_KEPT)) == before + 1, "once"
    look(page, "job-drop-done")


def stop_by_reply(job: Job) -> None:
    """Step 5: « STOP » from the phone, on the mailbox page, ends it at once."""
    page = job.customer
    page.goto(job.stack.url("platform", "/boite/"))
    letter = page.locator(".letter", has_text="cidre nouveau").filter(has_text=CUSTOMER)
    letter.get_by_role("button", name=re.compile("Répondre STOP")).click()

    def withdrawn() -> bool:
        with in_schema(job.shop.schema_name):
            return Contact.objects.get(phone=PHONE_KEPT).sms_consent == "withdrawn"

    wait_for(withdrawn, "the stop to be heard")
    with in_schema(job.shop.schema_name):
        assert Opposition.objects.filter(channel="sms").count() == 1


def logs_say_nothing_of_anybody(stack: Stack) -> None:
    """Names, numbers, addresses and tokens of the whole run are not in one line of the logs."""
    told = stack.log.read_text()
    lines = [json.loads(line) for line in told.splitlines()]
    assert any(line.get("shop") and line.get("job") for line in lines if "job" in line) or lines
    words = [OWNER_MAIL, PASSWORD, OWNER_NAME, CUSTOMER, QUICK]
    for number in (PHONE_KEPT, LANDLINE_KEPT, OVERSEAS_KEPT, TRIAL_KEPT):
        words += [number, number[1:], number[-9:]]
    words += [PHONE_TYPED, LANDLINE_TYPED, OVERSEAS_TYPED, TRIAL_TYPED]
    found = [word for word in words if word in told]
    assert found == []
    assert "Traceback" not in told


def test_from_the_landing_page_to_a_message_that_somebody_stops(job):
    sign_up_and_open(job)
    choose_the_rule(job)
    join_from_the_poster(job)
    _invite_helper(job)
    stamp_undo_and_redeem(job)
    quick_add(job)
    send_a_drop(job)
    stop_by_reply(job)
    logs_say_nothing_of_anybody(job.stack)
