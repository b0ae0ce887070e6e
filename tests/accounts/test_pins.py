"""Who is at the shop's phone: a few digits, five tries, and the counter alone."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts import pins, team
from apps.accounts.models import Device, Membership, Pin, Session
from apps.audit.models import Entry
from apps.core.ratelimit import TooMany
from apps.core.roles import Role
from apps.loyalty.models import Movement
from tests.accounts.phones import DIGITS, Phone, paired, pin_of
from tests.accounts.test_entry import arrival_path, sign_in
from tests.factories import CardFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db
WRONG = "9157"


@pytest.fixture
def phone(shop, owner):
    return paired(shop, owner)


@pytest.fixture
def pin(helper):
    return pin_of(helper)


@pytest.fixture
def trail(run_jobs, shop):
    """``trail("pin.lock")``: what it says of that."""

    def read(verb):
        run_jobs()
        connection.set_tenant(shop)
        return list(Entry.objects.filter(verb=verb))

    return read


def test_each_chooses_their_own_on_their_own_device(helper_client, helper):
    page = helper_client.post("/gestion/compte/code/", {"digits": DIGITS}, follow=True)
    assert "Votre code est enregistré" in page.content.decode()
    stored = Pin.objects.get(user=helper)
    assert DIGITS not in stored.hash
    assert stored.hash.startswith("scrypt$")


@pytest.mark.parametrize(
    "digits",
    [
        *("0000", "777777", "1212", "123123", "5665665"[:6]),
        *("1234", "4321", "98765", "7890", "012345"),
        *("1984", "2026", "2580"),
        *("123", "1234567", "12a4", "١٢٣٤", ""),
    ],
)
def test_what_a_colleague_would_try_first_is_refused(helper_client, digits):
    answer = helper_client.post("/gestion/compte/code/", {"digits": digits})
    assert answer.status_code == 422
    assert not Pin.objects.exists()


def test_an_owners_pin_opens_the_counter_and_nothing_else(phone, owner):
    assert phone.type(pin_of(owner))["Location"] == "/comptoir/"
    page = phone.get("/comptoir/").content.decode()
    assert "/gestion/" not in page
    assert "changer" in page
    for path in ("/gestion/equipe/", "/gestion/compte/", "/gestion/clients/", "/gestion/reglages/"):
        assert phone.get(path).status_code == 403, path
    assert phone.post("/gestion/compte/code/", {"digits": "9157"}).status_code == 403
    assert phone.post("/sortie/partout/").status_code == 403
    assert phone.get("/gestion/")["Location"] == "/comptoir/"


def test_an_owner_by_pin_corrects_no_more_than_a_helper(phone, owner, helper):
    """Undoing a colleague's stamp is a lead's right, at their own desk."""
    ProgrammeFactory()
    card = CardFactory()
    stamp = Movement.objects.create(
        card=card,
        kind="earn",
        stamps=1,
        token=uuid4(),
        actor_kind="team",
        actor_id=helper.pk,
    )
    phone.type(pin_of(owner))
    gesture = {"token": str(uuid4())}
    assert phone.post(f"/comptoir/tampon/{stamp.pk}/annuler/", gesture).status_code == 403


def test_every_gesture_says_who_and_on_which_phone(phone, pin, helper):
    ProgrammeFactory()
    card = CardFactory()
    phone.type(pin)
    sheet = phone.get(f"/comptoir/carte/{card.pk}/").content.decode()
    token = re.search(r'name="token" value="([^"]+)"', sheet)[1]
    phone.post(f"/comptoir/carte/{card.pk}/tampon/", {"token": token})
    stamp = Movement.objects.get()
    phone.post(f"/comptoir/tampon/{stamp.pk}/annuler/", {"token": str(uuid4())})
    phone.post("/comptoir/ajouter/", {"token": str(uuid4()), "phone": "0612345678", "stamp": "1"})
    number = Device.objects.get().number
    done = {"stamp", "undo_stamp", "contact.added"}
    told = Entry.objects.filter(verb__in=done)
    assert {entry.verb for entry in told} == done
    assert {(entry.actor_id, entry.device) for entry in told} == {(helper.pk, number)}


def test_at_ones_own_phone_no_device_is_named(helper_client):
    ProgrammeFactory()
    card = CardFactory()
    helper_client.post(f"/comptoir/carte/{card.pk}/tampon/", {"token": str(uuid4())})
    assert Entry.objects.get(verb="stamp").device is None


def test_five_wrong_ones_lock_and_the_right_one_opens_no_more(phone, pin, trail):
    told = [phone.type(pin, WRONG) for _ in range(5)]
    assert [answer.status_code for answer in told] == [403, 403, 403, 403, 423]
    assert re.search(r"Essais restants\s: 1\.", told[3].content.decode())
    assert "Débloquer" not in told[4].content.decode()
    assert phone.type(pin).status_code == 423
    assert "Bloqué" in phone.get("/comptoir/qui/").content.decode()
    (line,) = trail("pin.lock")
    assert (line.actor_kind, line.device, line.object_id) == ("system", 1, pin.user_id)


def test_a_right_one_begins_the_count_anew(phone, pin):
    for digits in [WRONG] * 4 + [DIGITS] + [WRONG] * 4:
        answer = phone.type(pin, digits)
    assert answer.status_code == 403
    assert phone.type(pin).status_code == 302


def test_a_lead_unlocks(phone, pin, owner_client, helper, trail):
    for _ in range(5):
        phone.type(pin, WRONG)
    page = owner_client.get("/gestion/equipe/").content.decode()
    assert "Code bloqué" in page
    member = Membership.objects.get(user=helper)
    owner_client.post(f"/gestion/equipe/{member.pk}/debloquer/")
    assert phone.type(pin).status_code == 302
    assert len(trail("pin.unlock")) == 1


def test_a_helper_unlocks_nobody(helper_client, helper):
    member = Membership.objects.get(user=helper)
    assert helper_client.post(f"/gestion/equipe/{member.pk}/debloquer/").status_code == 403


def test_signing_in_with_the_password_unlocks(phone, pin, helper, platform_client, visitor):
    for _ in range(5):
        phone.type(pin, WRONG)
    away = visitor.get("/entree/")["Location"]
    back = sign_in(platform_client, helper).get(away.partition("localhost:8000")[2])
    visitor.get(arrival_path(back))
    assert phone.type(pin).status_code == 302


def test_a_new_pin_puts_out_whoever_came_with_the_old_one(phone, pin, helper):
    phone.type(pin)
    pin_of(helper, "61947")
    assert phone.get("/comptoir/")["Location"].startswith("/comptoir/qui/")
    assert phone.type(pin).status_code == 403
    assert phone.type(pin, "61947").status_code == 302


def test_rights_end_with_the_team(phone, pin, helper, owner):
    phone.type(pin)
    member = Membership.objects.get(user=helper)
    team.remove(by=Membership.objects.get(user=owner), membership_id=member.pk)
    assert phone.get("/comptoir/")["Location"].startswith("/comptoir/qui/")
    assert not Pin.objects.exists()
    assert phone.type(pin).status_code == 404


def test_left_alone_for_a_quarter_of_an_hour_the_phone_asks_again(phone, pin):
    phone.type(pin)
    session = Session.objects.get(device=1)
    lasts = (session.expire_date - timezone.now()).total_seconds()
    assert 14 * 60 < lasts <= 15 * 60
    Session.objects.filter(device=1).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert phone.get("/comptoir/")["Location"].startswith("/comptoir/qui/")


def test_each_touch_makes_it_last(phone, pin, monkeypatch):
    phone.type(pin)
    phone.get("/comptoir/")
    soon = timezone.now() + timedelta(minutes=2)
    Session.objects.filter(device=1).update(expire_date=soon)
    Device.objects.update(seen_at=soon - timedelta(hours=1))
    session = phone.session
    session["seen_at"] -= 120
    session.save()
    Session.objects.filter(device=1).update(expire_date=soon)
    phone.get("/comptoir/")
    assert Session.objects.get(device=1).expire_date > soon + timedelta(minutes=10)
    assert Device.objects.get().seen_at > soon - timedelta(minutes=5)


def test_the_next_person_takes_over(phone, pin, member):
    second = pin_of(member(Role.MANAGER), "75310")
    phone.type(pin)
    assert phone.post("/sortie/")["Location"] == "/comptoir/qui/"
    assert phone.get("/comptoir/").status_code == 302
    phone.type(second, "75310")
    assert str(second.user.get_short_name()) in phone.get("/comptoir/").content.decode()


def test_trying_everybodys_is_cut_short(phone, member, monkeypatch):
    monkeypatch.setattr(pins, "OF_A_DEVICE", pins.Limit("pin_device", 3, 300))
    everybody = [pin_of(member(Role.HELPER)) for _ in range(4)]
    answers = [phone.type(one, WRONG).status_code for one in everybody]
    assert answers == [403, 403, 403, 429]


def test_without_a_paired_phone_there_is_nothing_to_try(shop, pin):
    stranger = Phone(shop)
    assert stranger.get("/comptoir/qui/")["Location"] == "/comptoir/relier/"
    assert stranger.type(pin)["Location"] == "/comptoir/relier/"
    assert Pin.objects.get().wrong == 0


def test_another_shops_phone_knows_nobody_here(other_shop, shop, member, pin):
    with_theirs = member(Role.OWNER, other_shop)
    connection.set_tenant(other_shop)
    theirs = paired(other_shop, with_theirs)
    assert theirs.type(pin).status_code == 404


def test_the_database_locks_at_five_and_only_then(pin):
    with pytest.raises(IntegrityError), transaction.atomic():
        Pin.objects.update(wrong=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        Pin.objects.update(wrong=6)
    with pytest.raises(IntegrityError), transaction.atomic():
        Pin.objects.update(locked_at=timezone.now())


# --- the password on the shop's phone ------------------------------------------------------


def test_with_the_password_a_lead_is_a_lead_there_too_until_it_rests(phone, owner, platform_client):
    away = phone.get("/entree/?vers=/gestion/")["Location"]
    assert "partage=1" in away
    asked = sign_in(platform_client, owner).get(away.partition("localhost:8000")[2])
    assert asked["Location"].startswith("/connexion/"), "a sign-in left behind opens nothing"
    sign_in(platform_client, owner)
    just_now(platform_client, owner)
    back = platform_client.get(away.partition("localhost:8000")[2])
    phone.get(arrival_path(back))
    assert phone.get("/gestion/equipe/").status_code == 200
    session = Session.objects.get(device=1)
    assert session.expire_date < timezone.now() + timedelta(minutes=16)
    connection.set_schema_to_public()
    assert platform_client.get("/boutiques/").status_code == 302, "nor does it stay there now"


def just_now(browser, user):
    session = browser.session
    session["account_authentication_methods"] = [
        {"method": "password", "at": timezone.now().timestamp()}
    ]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def test_a_person_who_is_switched_off_is_not_asked_for(phone, pin, helper):
    helper.is_active = False
    helper.save()
    assert helper.get_short_name() not in phone.get("/comptoir/qui/").content.decode()
    assert phone.type(pin).status_code == 404


def test_limits_are_counted_before_anything_is_compared(phone, pin, monkeypatch):
    monkeypatch.setattr(pins, "OF_A_PERSON", pins.Limit("pin_person", 1, 300))
    phone.type(pin, WRONG)
    with pytest.raises(TooMany):
        pins.enter(pin=pin, digits=DIGITS, device=Device.objects.get(), now=timezone.now())
