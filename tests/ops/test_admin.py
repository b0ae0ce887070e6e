"""The platform's admin: staff, with a second factor proven in this session, for half an hour."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import PlatformMail, Session, StaffAct, User
from apps.contacts.models import Channel
from apps.core.tenancy import across_shops
from apps.invoicing.models import Record
from apps.invoicing.push_models import Bookkeeper, Delivery
from apps.messaging.models import Kind, Message, Status
from apps.ops.admin_site import site
from tests.factories import ContactFactory, UserFactory
from tests.ops.conftest import PASSWORD, SECRET, code

pytestmark = pytest.mark.django_db


def test_staff_come_in_with_password_and_code(inside):
    page = inside.get("/")
    assert page.status_code == 200
    assert "Comptoir, administration" in page.content.decode()


def test_the_session_ends_with_the_browser_and_goes_to_this_host_alone(inside):
    inside.get("/")
    cookie = inside.cookies["sessionid"]
    assert cookie["samesite"] == "Strict"
    assert not cookie["max-age"]
    assert not cookie["expires"]
    assert not cookie["domain"]


def test_half_an_hour_idle_ends_the_session(inside, monkeypatch):
    now = time.time()
    monkeypatch.setattr("apps.accounts.middleware.time.time", lambda: now + 29 * 60)
    assert inside.get("/").status_code == 200
    monkeypatch.setattr("apps.accounts.middleware.time.time", lambda: now + 60 * 60)
    assert inside.get("/", follow=True).redirect_chain[-1][0].startswith("/connexion/")


def test_staff_without_a_second_factor_are_sent_to_set_it_up(browser, staff):
    browser.post("/connexion/?next=/", {"login": staff.email, "password": PASSWORD})
    way = [address for address, _ in browser.get("/", follow=True).redirect_chain]
    assert way[1].startswith("/compte/securite/activer/")
    assert browser.get("/accounts/user/").status_code == 302


def test_a_session_without_the_code_is_asked_for_it(browser, staff):
    """The second factor was set up since: this session has not shown it yet."""
    browser.force_login(staff)
    TOTP.activate(staff, SECRET)
    way = [address for address, _ in browser.get("/", follow=True).redirect_chain]
    assert way[1].startswith("/connexion/confirmer/code/")
    confirmed = browser.post(way[1], {"code": code(), "next": "/"}, follow=True)
    assert "Comptoir, administration" in confirmed.content.decode()


def test_a_shops_owner_has_no_business_here(browser):
    browser.force_login(UserFactory())
    assert browser.get("/", follow=True).status_code == 403


def test_every_list_opens_and_none_asks_the_database_per_row(
    inside, shop, owner, helper, django_assert_max_num_queries
):
    connection.set_schema_to_public()
    for model in site._registry:
        with django_assert_max_num_queries(16):
            page = inside.get(f"/{model._meta.app_label}/{model._meta.model_name}/")
        assert page.status_code == 200, model


def test_a_lost_second_factor_is_taken_off_with_a_reason_that_stays(inside, staff, run_jobs):
    person = services.open_account("perdue@exemple.fr", PASSWORD, name="Anaïs")
    TOTP.activate(person, SECRET)
    RecoveryCodes.activate(person)
    Session.objects.create(
        session_key="x" * 20, schema="public", user_id=person.pk, expire_date=timezone.now()
    )
    form = {"action": "reset_second_factor", "_selected_action": str(person.pk)}
    asked = inside.post("/accounts/user/", form)
    assert "Raison et vérification faite" in asked.content.decode()
    assert inside.post("/accounts/user/", {**form, "reason": "  "}).status_code == 422
    assert Authenticator.objects.filter(user=person).exists()

    inside.post("/accounts/user/", {**form, "reason": "Rappelée au numéro de la boutique."})
    assert not Authenticator.objects.filter(user=person).exists()
    with across_shops():
        assert not Session.objects.filter(user_id=person.pk).exists()
    act = StaffAct.objects.get()
    assert (act.staff, act.user, act.act) == (staff, person, "reset_second_factor")
    assert act.reason == "Rappelée au numéro de la boutique."
    assert PlatformMail.objects.get(to=person.email).subject.startswith("Votre double")


def test_the_trace_cannot_be_rewritten_by_the_application():
    with connection.cursor() as cursor:
        for act, allowed in (("UPDATE", False), ("DELETE", False), ("INSERT", True)):
            cursor.execute("SELECT has_table_privilege('accounts_staffact', %s)", [act])
            assert cursor.fetchone() == (allowed,)


def test_failed_messages_show_codes_and_no_person(inside, shop):
    contact = ContactFactory(first_name="Bertille", phone="+33612987654")
    Message.objects.create(
        contact=contact,
        channel=Channel.SMS,
        kind=Kind.SERVICE,
        cause="card:7",
        to=contact.phone,
        body="Votre carte, Bertille",
        status=Status.FAILED,
        reason="30006",
    )
    page = inside.get(f"/boutiques/{shop.pk}/messages-en-echec/").content.decode()
    assert "30006" in page
    assert "card:7" in page
    for secret in ("Bertille", "612987654"):
        assert secret not in page


def test_refused_pieces_show_codes_and_no_reason(inside, shop):
    said = {"kind": "invoice", "at": timezone.now(), "on": timezone.localdate()}
    sealed = Record.objects.create(number=4711, body="{}", hash="a" * 64, **said)
    keeper = Bookkeeper.objects.create(
        target="lexware", account="x", company="Bertille SARL", since=timezone.localdate()
    )
    Delivery.objects.create(
        bookkeeper=keeper,
        what="invoice",
        reference="F2026-00001",
        record=sealed,
        state="refused",
        code="406",
        reason="Lexware ne prend pas : Bertille.",
        due_at=timezone.now(),
    )
    page = inside.get(f"/boutiques/{shop.pk}/comptabilite/").content.decode()
    for said in ("406", "4711", "lexware"):
        assert said in page
    assert "Bertille" not in page


def test_a_platform_mail_is_listed_without_its_text(inside):
    PlatformMail.objects.create(to="a@exemple.fr", subject="Confirmez", text="http://lien-secret")
    mail = PlatformMail.objects.get()
    page = inside.get(f"/accounts/platformmail/{mail.pk}/change/").content.decode()
    assert "lien-secret" not in page


def test_switching_a_person_off_ends_their_sessions(inside, owner, shop):
    Session.objects.create(
        session_key="y" * 20,
        schema=shop.schema_name,
        user_id=owner.pk,
        expire_date=timezone.now() + timezone.timedelta(days=1),
    )
    connection.set_schema_to_public()
    inside.post(f"/accounts/user/{owner.pk}/change/", {"name": owner.name})
    assert not User.objects.get(pk=owner.pk).is_active
    with across_shops():
        assert not Session.objects.filter(user_id=owner.pk).exists()


def test_the_default_site_of_packages_is_not_served(inside):
    assert inside.get("/djstripe/customer/").status_code == 404
    assert inside.get("/django_q/schedule/").status_code == 404


def test_createsuperuser_makes_staff_who_can_sign_in(browser, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", email="premiere@comptoir.example", verbosity=0)
    assert EmailAddress.objects.get(email="premiere@comptoir.example").verified
    sent = browser.post(
        "/connexion/?next=/", {"login": "premiere@comptoir.example", "password": PASSWORD}
    )
    assert re.fullmatch("/", sent["Location"])
