"""What a helper does on ``/comptoir/``, with and without JavaScript."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.contacts.models import Contact, Tag
from apps.core.actor import Actor
from apps.loyalty.models import Card, Movement, MovementKind, Redemption, Reward
from apps.loyalty.services import add_stamp
from apps.messaging.models import Message
from tests.conftest import ShopClient
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

HTMX = {"HTTP_HX_REQUEST": "true"}
SOMEBODY = Actor("team", 10**9)  # a number that no user made in the run will have


@pytest.fixture
def programme(shop):
    return ProgrammeFactory(goal=3, cooldown_minutes=30, reward="Une bouteille du mois")


@pytest.fixture
def card(programme):
    contact = ContactFactory(first_name="Camille", last_name="Bernard", phone="+33612345684")
    return CardFactory(contact=contact, number=4821)


def tap(client, card, token=None, **more):
    data = {"token": token or uuid4(), **more.pop("data", {})}
    return client.post(f"/comptoir/carte/{card.pk}/tampon/", data, **more)


def stamped(card, *, hours_ago=0.0, by=None):
    now = timezone.now() - timedelta(hours=hours_ago)
    by = by or SOMEBODY
    return add_stamp(card=card, token=uuid4(), by=by, now=now, over_cooldown=True)


def full(card):
    for hours_ago in (3, 2, 1):
        done = stamped(card, hours_ago=hours_ago)
    return done.reward


def text(response):
    """What is read, whatever the spaces."""
    return " ".join(response.content.decode().replace("&#x27;", "'").split())


# --- stamping -----------------------------------------------------------------------------


def test_one_tap_stamps_and_the_card_shows_it_pressed(helper_client, card):
    page = text(tap(helper_client, card, **HTMX))
    assert 'class="hole on new"' in page
    assert "Tampon ajouté" in page
    assert "<html" not in page
    assert "Annuler le tampon" in page


def test_without_javascript_a_reload_of_the_result_stamps_nothing(helper_client, card):
    answer = tap(helper_client, card)
    assert answer.status_code == 302
    for _ in range(2):
        assert "Tampon ajouté" in text(helper_client.get(answer.url))
    assert Card.objects.get(pk=card.pk).balance == 1


def test_the_same_page_sent_twice_stamps_once_and_says_the_same(helper_client, card):
    token = uuid4()
    first, second = (tap(helper_client, card, token, **HTMX) for _ in range(2))
    assert "Tampon ajouté" in text(first)
    assert "Tampon ajouté" in text(second)
    assert Card.objects.get(pk=card.pk).balance == 1


def test_a_page_kept_open_since_its_stamp_says_that_nothing_was_added(helper_client, card):
    done = stamped(card, hours_ago=1)
    answer = tap(helper_client, card, done.movement.token, **HTMX)
    assert "déjà enregistré" in text(answer)
    assert Card.objects.get(pk=card.pk).balance == 1


def test_a_stamp_takes_seven_statements_in_all(helper_client, card):
    """The way into the shop, the session with person and role; in one transaction the lock with
    the rules, the stamp, its trail with the job that hears it. Every one counts."""
    with CaptureQueriesContext(connection) as captured:
        assert tap(helper_client, card, **HTMX).status_code == 200
    verbs = [query["sql"].split()[0] for query in captured.captured_queries]
    transaction = ["SAVEPOINT", "SELECT", "WITH", "WITH", "RELEASE"]
    assert verbs == ["SELECT", "SELECT", *transaction]


def test_a_resting_card_says_when_and_only_a_lead_may_insist(helper_client, owner_client, card):
    stamped(card)
    refused = tap(helper_client, card, data={"anyway": "1"}, **HTMX)
    assert refused.status_code == 409
    assert "Prochain tampon possible dans 30 min" in text(refused)
    assert "quand même" not in text(refused)
    asked = tap(owner_client, card, **HTMX)
    assert "Tamponner quand même" in text(asked)
    assert tap(owner_client, card, data={"anyway": "1"}, **HTMX).status_code == 200
    assert Card.objects.get(pk=card.pk).balance == 2


def test_an_amount_is_kept_with_the_stamp_and_a_wrong_one_is_kept_on_screen(helper_client, card):
    wrong = tap(helper_client, card, data={"amount": "quarante"}, **HTMX)
    assert wrong.status_code == 422
    assert 'value="quarante"' in text(wrong)
    tap(helper_client, card, data={"amount": "42,50 €"}, **HTMX)
    assert Movement.objects.get(kind=MovementKind.EARN).amount_cents == 4_250


@pytest.mark.parametrize("token", ["", "pas-un-uuid"])
def test_a_gesture_without_its_name_is_refused(helper_client, card, token):
    answer = helper_client.post(f"/comptoir/carte/{card.pk}/tampon/", {"token": token})
    assert answer.status_code == 422
    assert "Rechargez-la" in text(answer)
    assert not Movement.objects.exists()


def test_a_card_that_is_not_there_is_not_found(helper_client, programme):
    assert tap(helper_client, Card(pk=987_654)).status_code == 404
    for path in ("carte/987654/", "recompense/987654/"):
        assert helper_client.get(f"/comptoir/{path}").status_code == 404


def test_a_merged_persons_card_leads_to_the_one_that_lives(helper_client, card):
    old = CardFactory(contact=ContactFactory(merged_into=card.contact))
    answer = helper_client.get(f"/comptoir/carte/{old.pk}/")
    assert answer.url == f"/comptoir/carte/{card.pk}/"
    assert tap(helper_client, old, **HTMX).status_code == 409


# --- undo and rewards ---------------------------------------------------------------------


def test_a_stamp_is_undone_from_the_list(helper_client, helper, card):
    done = stamped(card, by=Actor("team", helper.pk))
    home = text(helper_client.get("/comptoir/"))
    assert f"/comptoir/tampon/{done.movement.pk}/annuler/" in home
    data = {"token": uuid4(), "retour": "comptoir"}
    answer = helper_client.post(f"/comptoir/tampon/{done.movement.pk}/annuler/", data, **HTMX)
    assert "Tampon annulé." in text(answer)
    assert "Camille" not in text(answer)
    assert Card.objects.get(pk=card.pk).balance == 0


def test_a_helper_is_not_offered_the_undo_of_another(helper_client, owner_client, card):
    done = stamped(card)
    undo = f"/comptoir/tampon/{done.movement.pk}/annuler/"
    assert undo not in text(helper_client.get("/comptoir/"))
    assert undo in text(owner_client.get("/comptoir/"))
    refused = helper_client.post(undo, {"token": uuid4()}, **HTMX)
    assert refused.status_code == 403
    assert "Seule la personne qui a tamponné" in text(refused)


def test_without_javascript_an_undo_comes_back_with_its_sentence(owner_client, card):
    done = stamped(card)
    undo = f"/comptoir/tampon/{done.movement.pk}/annuler/"
    answer = owner_client.post(undo, {"token": uuid4()}, follow=True)
    assert answer.redirect_chain == [(f"/comptoir/carte/{card.pk}/", 302)]
    assert "Tampon annulé." in text(answer)


def test_the_stamp_that_fills_the_card_says_what_was_won(helper_client, card):
    for hours_ago in (2, 1):
        stamped(card, hours_ago=hours_ago)
    page = text(tap(helper_client, card, **HTMX))
    assert "Carte pleine" in page
    assert "3 / 3" in page
    assert f"/comptoir/recompense/{Reward.objects.get().pk}/" in page


def test_a_reward_is_given_after_one_question_and_only_once(helper_client, card):
    reward = full(card)
    asked = text(helper_client.get(f"/comptoir/recompense/{reward.pk}/"))
    assert "Une bouteille du mois" in asked
    assert "pièce d’identité" not in asked
    first = helper_client.post(f"/comptoir/recompense/{reward.pk}/", {"token": uuid4()})
    assert first.status_code == 302
    again = helper_client.post(f"/comptoir/recompense/{reward.pk}/", {"token": uuid4()})
    assert again.status_code == 409
    assert "déjà été offerte" in text(again)
    assert Redemption.objects.count() == 1


def test_alcohol_is_given_with_the_box_ticked(helper_client, programme, card):
    programme.reward_is_alcohol = True
    programme.save()
    path = f"/comptoir/recompense/{full(card).pk}/"
    assert "J’ai vérifié une pièce d’identité" in text(helper_client.get(path))
    assert helper_client.post(path, {"token": uuid4()}).status_code == 422
    assert helper_client.post(path, {"token": uuid4(), "id_checked": "1"}).status_code == 302


# --- finding ------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["5684", "camille", "Bernard", "06 12 34 56 84", "4821"])
def test_a_person_is_found_by_digits_name_phone_or_card(helper_client, card, typed):
    for more in ({}, HTMX):
        page = text(helper_client.get("/comptoir/", {"q": typed}, **more))
        assert f"/comptoir/carte/{card.pk}/" in page


def test_the_lists_show_no_whole_name_and_no_whole_number(helper_client, card):
    stamped(card)
    for query in ({}, {"q": "camille"}):
        page = text(helper_client.get("/comptoir/", query))
        assert "Camille B." in page
        assert "Bernard" not in page
        assert not re.search(r"34\s?56", page.split('id="people"')[1].split("</section>")[0])


def test_nobody_found_offers_to_add_the_number(helper_client, programme):
    page = text(helper_client.get("/comptoir/", {"q": "06 99 88 77 66"}))
    assert "/comptoir/ajouter/?tel=0699887766" in page


def test_a_person_without_a_card_gets_one_by_being_chosen(helper_client, programme):
    contact = ContactFactory(first_name="Léon", last_name="")
    assert f"/comptoir/client/{contact.pk}/carte/" in text(
        helper_client.get("/comptoir/", {"q": "leon"})
    )
    for _ in range(2):
        answer = helper_client.post(f"/comptoir/client/{contact.pk}/carte/")
        assert answer.url == f"/comptoir/carte/{contact.card.pk}/"
    assert Card.objects.filter(contact=contact).count() == 1


def test_a_first_day_says_what_to_do(helper_client, shop):
    assert "Personne encore aujourd’hui" in text(helper_client.get("/comptoir/"))


def test_the_lists_take_the_same_statements_however_long(
    helper_client, programme, django_assert_max_num_queries
):
    for _ in range(15):
        stamped(CardFactory())
    for query in ({}, {"q": "martin"}):
        with django_assert_max_num_queries(8):
            helper_client.get("/comptoir/", query)


# --- scanning -----------------------------------------------------------------------------


def test_a_scanned_card_opens_whatever_host_its_link_was_made_on(helper_client, card):
    host = helper_client.shop.url
    for code in (card.token, f"{host}/c/{card.token}/", f"https://cave.fr/c/{card.token}"):
        answer = helper_client.get("/comptoir/scan/", {"code": code})
        assert answer.url == f"/comptoir/carte/{card.pk}/"


@pytest.mark.parametrize("code", ["", "A" * 22, "https://ailleurs.fr/menu", "javascript:alert(1)"])
def test_a_code_that_is_no_card_says_so(helper_client, programme, code):
    answer = helper_client.get("/comptoir/scan/", {"code": code})
    assert answer.status_code == 404
    assert "Carte inconnue" in text(answer)


def test_the_scanner_names_its_reader_by_its_own_address(helper_client, shop):
    page = text(helper_client.get("/comptoir/scanner/"))
    assert 'data-wasm="/static/vendor/zxing/zxing_reader' in page


# --- adding -------------------------------------------------------------------------------


def add(client, **data):
    return client.post("/comptoir/ajouter/", {"token": uuid4(), **data}, follow=True)


def test_a_phone_number_alone_makes_a_person_a_card_and_a_stamp(helper_client, programme):
    page = text(add(helper_client, phone="06 12 00 00 01", stamp="on"))
    card = Card.objects.get(contact__phone="+33612000001")
    assert card.balance == 1
    assert "Tampon ajouté" in page
    assert not Message.objects.exists()


def test_the_form_sent_twice_makes_one_person_and_one_stamp(helper_client, programme):
    token = uuid4()
    for _ in range(2):
        page = text(add(helper_client, phone="0612000001", stamp="on", token=token))
    assert "Déjà connu" not in page
    assert (Contact.objects.count(), Movement.objects.count()) == (1, 1)


def test_the_form_sent_twice_without_a_stamp_is_answered_the_same(helper_client, programme):
    token = uuid4()
    form = {"phone": "0612000001", "send_card": "on", "token": token}
    first, second = (text(add(helper_client, **form)) for _ in range(2))
    for page in (first, second):
        assert "Déjà connu" not in page
        assert "Contact ajouté" in page
        assert "La carte part par SMS" in page
    assert (Contact.objects.count(), Message.objects.count()) == (1, 1)


def test_a_known_person_s_form_sent_twice_says_known_twice(helper_client, card):
    token = uuid4()
    form = {"phone": "0612345684", "stamp": "on", "send_card": "on", "token": token}
    for _ in range(2):
        assert "Déjà connu" in text(add(helper_client, **form))
    assert (Movement.objects.count(), Message.objects.count()) == (1, 1)


def test_a_number_corrected_on_the_same_page_is_another_person(helper_client, programme):
    token = uuid4()
    for phone in ("0612000001", "0612000002"):
        form = {"phone": phone, "send_card": "on", "token": token}
        assert "Contact ajouté" in text(add(helper_client, **form))
    assert (Contact.objects.count(), Message.objects.count()) == (2, 2)


def test_a_known_number_opens_its_card(helper_client, card):
    page = text(add(helper_client, phone="+33 6 12 34 56 84"))
    assert "Déjà connu" in page
    assert Contact.objects.count() == 1


def test_a_landline_is_kept_and_said_to_take_no_sms(helper_client, programme):
    page = text(add(helper_client, phone="03 80 22 00 00"))
    assert "Numéro fixe" in page
    assert not Contact.objects.get().phone_mobile


def test_an_overseas_number_is_read_as_one(helper_client, programme):
    add(helper_client, phone="0690 12 34 56")
    assert Contact.objects.get().phone == "+590690123456"


def test_what_was_typed_is_kept_when_the_number_is_wrong(helper_client, programme):
    answer = add(helper_client, phone="06 12", first_name="Zoé", stamp="on", amount="12,5")
    assert answer.status_code == 422
    page = text(answer)
    assert "n’est pas un numéro" in page
    assert 'value="Zoé"' in page
    assert not Contact.objects.exists()


def test_tags_new_and_known_and_the_amount_are_kept(helper_client, programme):
    known = Tag.objects.create(name="Bulles")
    add(
        helper_client,
        phone="0612000001",
        tags=[known.pk],
        new_tag="Bio",
        amount="30",
        stamp="on",
    )
    contact = Contact.objects.get()
    assert set(contact.tags.values_list("name", flat=True)) == {"Bulles", "Bio"}
    assert Movement.objects.get().amount_cents == 3_000


def test_the_card_goes_by_sms_when_asked_as_a_message_of_service(helper_client, programme):
    page = text(add(helper_client, phone="0612000001", send_card="on"))
    assert "La carte part par SMS." in page
    assert Message.objects.get().kind == "service"
    refused = add(helper_client, phone="0380220000", send_card="on")
    assert refused.status_code == 422
    assert "ne reçoit pas de SMS" in text(refused)


def test_a_known_person_who_was_just_stamped_is_shown_with_the_reason(helper_client, card):
    stamped(card)
    page = text(add(helper_client, phone="06 12 34 56 84", stamp="on"))
    assert "Prochain tampon possible" in page
    assert Card.objects.get(pk=card.pk).balance == 1


# --- doors --------------------------------------------------------------------------------


def test_the_neighbour_and_the_street_stay_outside(visitor, neighbour_client, card):
    reward, stamp = full(card), Movement.objects.filter(kind=MovementKind.EARN).first()
    pages = ["", "ajouter/", "scanner/", f"carte/{card.pk}/", f"recompense/{reward.pk}/"]
    posts = [f"carte/{card.pk}/tampon/", f"tampon/{stamp.pk}/annuler/", f"recompense/{reward.pk}/"]
    before = Movement.objects.count()
    for client, statuses in ((visitor, {302}), (neighbour_client, {403})):
        for path in [*pages, f"scan/?code={card.token}"]:
            answer = client.get(f"/comptoir/{path}")
            assert answer.status_code in statuses
            assert "Camille" not in text(answer)
        for path in posts:
            assert client.post(f"/comptoir/{path}", {"token": uuid4()}).status_code in statuses
    assert (Movement.objects.count(), Redemption.objects.count()) == (before, 0)


def test_a_card_of_the_shop_next_door_is_not_found(card, other_shop, member):
    client = ShopClient(other_shop).enter(member("owner", other_shop))
    assert client.get(f"/comptoir/carte/{card.pk}/").status_code == 404
    assert client.get("/comptoir/scan/", {"code": card.token}).status_code == 404
    assert tap(client, card).status_code == 404
    # Whoever is signed in may bear the same name.
    assert f"/comptoir/carte/{card.pk}/" not in text(client.get("/comptoir/", {"q": "camille"}))
