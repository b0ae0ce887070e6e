"""What waited on a phone arrives once, at its own moment, and a refusal is somebody's to see."""

import json
import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Device
from apps.contacts.age import IdNotChecked, Minor
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.counter.models import Gesture, Lease
from apps.counter.passes import write_pass
from apps.counter.reviewing import note_lost
from apps.counter.services import MayNotGive
from apps.loyalty import live_code
from apps.loyalty.models import Card, Movement, Redemption, Reward
from apps.loyalty.services import CardMerged, RewardExpired, RewardGone, TokenSpent, add_stamp
from apps.review.models import Case
from apps.review.queries import cases, lines
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db
DEVICE = UUID(int=7)


@pytest.fixture
def programme(shop):
    return ProgrammeFactory(goal=4, cooldown_minutes=30)


@pytest.fixture
def card(programme):
    return CardFactory(contact=ContactFactory(first_name="Camille", last_name="Bernard"))


def millis(moment):
    return int(moment.timestamp() * 1000)


def gesture(kind="stamp", at=None, **more):
    return {"id": str(uuid4()), "kind": kind, "at": millis(at or timezone.now()), **more}


def send(client, *gestures, device=DEVICE, clock=None):
    letter = {
        "device": str(device),
        "sent_at": millis(clock or timezone.now()),
        "gestures": gestures,
    }
    path = "/comptoir/hors-ligne/envoi/"
    answer = client.post(path, json.dumps(letter), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return [(one["state"], one["reason"]) for one in answer.json()["answers"]]


def states(client, *gestures, **more):
    return [state for state, _reason in send(client, *gestures, **more)]


def refusals():
    return list(Gesture.objects.to_settle().values_list("refusal", flat=True))


def test_the_same_name_has_one_effect_and_keeps_its_answer(helper_client, card):
    first, second = gesture(card=card.pk), gesture(card=card.pk)
    assert states(helper_client, first) == ["accepted"]
    assert states(helper_client, first, second) == ["done", "refused"]
    before = send(helper_client, second)
    assert send(helper_client, second) == before
    assert Movement.objects.filter(card=card).count() == 1


def test_a_stamp_whose_answer_was_lost_is_no_second_one(helper_client, helper, card):
    token = uuid4()
    helper_client.post(f"/comptoir/carte/{card.pk}/tampon/", {"token": token})
    late = {**gesture(card=card.pk), "id": str(token)}
    assert states(helper_client, late) == ["accepted"]
    assert Movement.objects.filter(card=card).count() == 1


def test_a_late_stamp_keeps_its_moment_and_the_rest_counts_from_there(helper_client, card):
    yesterday = timezone.now() - timedelta(days=1)
    evening = [gesture(card=card.pk, at=yesterday + timedelta(minutes=m)) for m in (0, 31, 40)]
    assert states(helper_client, *evening) == ["accepted", "accepted", "refused"]
    card.refresh_from_db()
    assert card.balance == 2
    assert abs(card.last_stamp_at - yesterday) < timedelta(hours=1)
    assert "Carte déjà tamponnée" in refusals()[0]


def test_the_phones_wrong_clock_is_set_right(helper_client, card):
    wrong = timezone.now() - timedelta(days=400)
    late = gesture(card=card.pk, at=wrong - timedelta(hours=3))
    assert states(helper_client, late, clock=wrong) == ["accepted"]
    stamped = Movement.objects.get(card=card).at
    assert abs(timezone.now() - timedelta(hours=3) - stamped) < timedelta(minutes=1)


@pytest.mark.parametrize("hours", [-5, 24 * 40])
def test_a_clock_that_was_moved_in_between_says_no_moment(helper_client, card, hours):
    assert states(
        helper_client, gesture(card=card.pk, at=timezone.now() - timedelta(hours=hours))
    ) == ["accepted"]
    assert timezone.now() - Movement.objects.get(card=card).at < timedelta(minutes=1)


def test_nobody_stamped_before_they_signed_in(helper_client, helper, card):
    word = write_pass(helper.pk, None, timezone.now())
    early = gesture(card=card.pk, at=timezone.now() - timedelta(hours=2), by=word)
    assert states(helper_client, early) == ["accepted"]
    assert timezone.now() - Movement.objects.get(card=card).at < timedelta(minutes=1)


def test_a_stamp_from_before_another_phones_stamps_moves_nothing_back(helper_client, card, helper):
    now = timezone.now()
    add_stamp(card=card, token=uuid4(), by=Actor("team", helper.pk), now=now)
    hours_ago = gesture(card=card.pk, at=now - timedelta(hours=3))
    just_before = gesture(card=card.pk, at=now - timedelta(minutes=10))
    assert states(helper_client, hours_ago, just_before) == ["accepted", "refused"]
    card.refresh_from_db()
    contact = Contact.objects.get(card=card)
    assert (card.balance, card.last_stamp_at, contact.last_visit_at) == (2, now, now)
    assert "trop près de ce geste" in refusals()[0]


def test_who_did_it_is_told_by_the_pass_whoever_sends(shop, member, helper_client, card):
    colleague = member("manager")
    word = write_pass(colleague.pk, None, timezone.now() - timedelta(hours=1))
    states(helper_client, gesture(card=card.pk, by=word))
    assert Movement.objects.get(card=card).actor_id == colleague.pk


def test_a_pass_of_another_shop_or_of_nobody_names_the_sender(
    helper_client, helper, other_shop, owner, card
):
    with in_schema(other_shop.schema_name):
        foreign = write_pass(owner.pk, None, timezone.now())
    other = CardFactory()
    states(helper_client, gesture(card=card.pk, by=foreign), gesture(card=other.pk, by="x"))
    assert set(Movement.objects.values_list("actor_id", flat=True)) == {helper.pk}


def test_what_somebody_did_who_left_since_waits_for_a_person(helper_client, member, shop, card):
    gone = member("helper")
    word = write_pass(gone.pk, None, timezone.now() - timedelta(hours=1))
    gone.memberships.all().delete()
    assert states(helper_client, gesture(card=card.pk, by=word)) == ["refused"]
    assert "n’est plus dans l’équipe" in refusals()[0]


def test_each_gesture_keeps_the_person_and_the_phone_it_was_done_by(
    shop, member, helper_client, programme
):
    """Two share a phone of the shop; a third brings what they did, signed in with a password."""
    now = timezone.now()
    for colleague, minutes in ((member("helper"), 40), (member("helper"), 20)):
        word = write_pass(colleague.pk, 3, now - timedelta(hours=1))
        done = gesture(card=CardFactory().pk, by=word, at=now - timedelta(minutes=minutes))
        assert states(helper_client, done) == ["accepted"]
        stamp = Movement.objects.latest("pk")
        assert (stamp.actor_id, stamp.device, stamp.place) == (colleague.pk, 3, "counter")


def test_what_is_done_on_a_phone_after_it_was_taken_away_waits_for_a_person(
    shop, helper, helper_client, programme
):
    now = timezone.now()
    with in_schema(shop.schema_name):
        Device.objects.create(
            shop=shop, number=3, name="Volé", paired_at=now, revoked_at=now - timedelta(hours=1)
        )
    word = write_pass(helper.pk, 3, now - timedelta(days=1))
    before, after = (
        gesture(card=CardFactory().pk, by=word, at=now - timedelta(minutes=minutes))
        for minutes in (70, 50)
    )
    assert states(helper_client, before, after) == ["accepted", "refused"]
    assert "n’était plus relié" in refusals()[0]


def test_a_role_that_changed_since_loses_nothing(helper_client, member, card):
    person = member("manager")
    word = write_pass(person.pk, None, timezone.now() - timedelta(hours=1))
    person.memberships.update(role="helper")
    assert states(helper_client, gesture(card=card.pk, by=word)) == ["accepted"]


def test_a_new_contact_comes_with_card_and_stamp_once(helper_client, programme):
    new = gesture("add", phone="06 71 42 53 99", first_name="Solène", stamp=True)
    assert states(helper_client, new) == ["accepted"]
    assert states(helper_client, new) == ["done"]
    contact = Contact.objects.get(phone="+33671425399")
    assert (contact.first_name, contact.card.balance) == ("Solène", 1)


def test_a_number_that_is_none_is_kept_until_somebody_corrects_it(helper_client, programme):
    assert states(helper_client, gesture("add", phone="06 71", first_name="Solène")) == ["refused"]
    page = helper_client.get("/comptoir/hors-ligne/").content.decode()
    assert "Solène" in page
    assert "/comptoir/ajouter/?tel=06%2071" in page
    refused = Gesture.objects.get()
    helper_client.post(f"/comptoir/hors-ligne/{refused.pk}/regle/")
    refused.refresh_from_db()
    assert refused.settled_at
    assert refused.asked == {}, "what was typed is forgotten once it is dealt with"
    assert "Rien n’a été refusé" in helper_client.get("/comptoir/hors-ligne/").content.decode()


def test_a_known_number_that_rests_is_added_without_a_stamp_and_says_so(helper_client, card):
    states(helper_client, gesture(card=card.pk))
    again = gesture("add", phone=card.contact.phone, stamp=True)
    ((state, reason),) = send(helper_client, again)
    assert state == "refused"
    assert reason.startswith("Contact ajouté, sans tampon.")


def test_a_scanned_code_that_the_phone_does_not_know_is_found_here(helper_client, card):
    assert states(helper_client, gesture(code=card.token), gesture(code="x" * 22)) == [
        "accepted",
        "refused",
    ]


def test_the_code_of_an_open_card_is_judged_at_the_moment_of_the_gesture(helper_client, card):
    """However late it comes."""
    yesterday = timezone.now() - timedelta(days=1)
    shown, minute = live_code.code_of(card.number, yesterday), timedelta(minutes=1)
    assert states(helper_client, gesture(code=shown, at=yesterday + minute)) == ["accepted"]


def test_what_cannot_be_read_is_refused_alone_and_does_not_stop_the_rest(helper_client, card):
    odd = {**gesture(card=card.pk), "kind": "dance"}
    assert states(helper_client, odd, gesture(card=card.pk)) == ["refused", "accepted"]


@pytest.fixture
def reward(card, helper):
    begin = timezone.now() - timedelta(days=2)
    for turn in range(4):
        now = begin + timedelta(hours=turn)
        add_stamp(card=card, token=uuid4(), by=Actor("team", helper.pk), now=now)
    return Reward.objects.get()


def let(client, device=DEVICE):
    answer = client.post(
        "/comptoir/hors-ligne/offrir/", {"device": device, "name": "Téléphone de la cave"}
    )
    assert answer.status_code == 302


def test_no_device_gives_offline_unless_a_lead_lets_it(helper_client, owner_client, reward):
    give = gesture("give", reward=reward.pk)
    assert states(helper_client, give) == ["refused"]
    assert not Redemption.objects.exists()
    page = helper_client.get("/comptoir/hors-ligne/").content.decode()
    assert f"/comptoir/recompense/{reward.pk}/" in page, "what was handed over can be noted"
    helper_client.post("/comptoir/hors-ligne/offrir/", {"device": DEVICE, "name": "x"})
    assert not Lease.objects.exists()
    let(owner_client)
    assert states(helper_client, gesture("give", reward=reward.pk)) == ["accepted"]


def test_of_two_hand_overs_the_loser_is_shown_to_a_person(helper_client, owner_client, reward):
    let(owner_client)
    ours, theirs = gesture("give", reward=reward.pk), gesture("give", reward=reward.pk)
    assert states(helper_client, ours, theirs) == ["accepted", "refused"]
    assert refusals() == ["Cette récompense a déjà été offerte."]
    assert Redemption.objects.count() == 1
    states(helper_client, theirs)
    page = owner_client.get("/gestion/fidelite/a-verifier/").content.decode()
    assert page.count("dit avoir remis une récompense à Camille B") == 1
    assert "sans réseau. Elle avait déjà été offerte." in page
    assert Case.objects.get().facts == {"card": reward.card_id, "why": "RewardSpent"}


@pytest.mark.parametrize(
    "refusal",
    [CardMerged, IdNotChecked, MayNotGive, Minor, RewardExpired, RewardGone, TokenSpent],
)
def test_whatever_refuses_a_hand_over_is_said_in_french(reward, refusal):
    given = Gesture.objects.create(
        token=uuid4(), kind="give", device=DEVICE, card=reward.card, at=timezone.now()
    )
    note_lost(given, None, refusal.__name__)
    (line,) = lines(cases(decided=False), timezone.now())
    assert re.search(r"sans réseau\. \w.+ .+\.$", line.sentence), line.sentence


def test_the_device_that_lost_the_right_had_it_until_then(helper_client, owner_client, reward):
    let(owner_client)
    Lease.objects.update(since=timezone.now() - timedelta(hours=2))
    let(owner_client, UUID(int=8))
    assert Lease.objects.standing().count() == 1
    before = gesture("give", reward=reward.pk, at=timezone.now() - timedelta(hours=1))
    assert states(helper_client, before) == ["accepted"]


def test_no_letter_is_read_from_the_street_or_next_door(visitor, neighbour_client, card):
    letter = {"device": str(DEVICE), "sent_at": 0, "gestures": [gesture(card=card.pk)]}
    for client in (visitor, neighbour_client):
        for path in ("envoi/", "etat/", "cartes/"):
            answer = client.generic(
                "POST" if path == "envoi/" else "GET",
                f"/comptoir/hors-ligne/{path}",
                json.dumps(letter),
                content_type="application/json",
                HTTP_ACCEPT="application/json",
            )
            assert answer.status_code in (401, 403)
    assert not Movement.objects.exists()


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"gestures": 3}'])
def test_an_unreadable_letter_is_refused_whole(helper_client, body):
    path = "/comptoir/hors-ligne/envoi/"
    answer = helper_client.post(path, body, content_type="application/json")
    assert answer.status_code == 422


def test_the_phone_keeps_no_more_than_a_helper_sees(helper_client, card, shop):
    states(helper_client, gesture(card=card.pk))
    old = CardFactory()
    Contact.objects.filter(card=old).update(last_visit_at=timezone.now() - timedelta(days=91))
    Card.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=91))
    answer = helper_client.get("/comptoir/hors-ligne/cartes/")
    assert answer["Cache-Control"] == "no-store"
    (kept,) = answer.json()["cards"]
    assert (kept["name"], kept["words"], kept["balance"]) == ("Camille B.", "cami bern", 1)
    text = answer.content.decode()
    for secret in (card.contact.phone, card.contact.email, "Bernard", card.token):
        assert secret not in text
    same = helper_client.get(
        "/comptoir/hors-ligne/cartes/", headers={"If-None-Match": answer["ETag"]}
    )
    assert same.status_code == 304


def test_the_kept_cards_cost_the_same_however_many(helper_client, programme, card):
    def asked():
        with CaptureQueriesContext(connection) as caught:
            helper_client.get("/comptoir/hors-ligne/cartes/")
            helper_client.get("/comptoir/hors-ligne/")
        return len(caught)

    asked()
    few = asked()
    for _turn in range(5):
        states(helper_client, gesture(code="y" * 22), gesture("add", phone="1"))
        CardFactory()
    assert asked() <= few + 1


def test_where_amounts_count_the_phone_keeps_sums_and_a_late_one_needs_its_amount(helper_client):
    ProgrammeFactory(kind="euros", goal=10_000, cooldown_minutes=0)
    card = CardFactory(balance=1250)
    kept = helper_client.get("/comptoir/hors-ligne/cartes/").json()
    assert (kept["goal"], kept["by_amount"]) == (100, True)
    assert kept["cards"][0]["told"].replace("\u202f", " ").startswith("12,50")
    without, with_amount = gesture(card=card.pk), gesture(card=card.pk, amount="8,00")
    assert states(helper_client, without, with_amount) == ["refused", "accepted"]


def test_a_visit_is_counted_once_a_day_also_a_late_one(helper_client, helper):
    ProgrammeFactory(kind="visits", goal=6, cooldown_minutes=0)
    card, noon = CardFactory(), timezone.localtime().replace(hour=12) - timedelta(days=2)
    add_stamp(card=card, token=uuid4(), by=Actor("team", helper.pk), now=noon)
    morning, day_before = noon - timedelta(hours=3), noon - timedelta(days=1)
    late = [gesture(card=card.pk, at=at) for at in (day_before, morning)]
    assert states(helper_client, *late) == ["accepted", "refused"]
