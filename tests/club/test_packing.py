"""From the shelf into the box and to its member: pulled once, taken back whole, told of."""

from datetime import date
from uuid import uuid4

import pytest

from apps.catalog.models import MoveCause, StockMove, Variant
from apps.club import boxes, labels, packing, rounds
from apps.club.box_models import Box, BoxState
from apps.club.carriers import WrongAddress, WrongTracking
from apps.club.models import Member, State
from apps.contacts.age import IdNotChecked, Minor
from apps.messaging.models import Kind, Message
from tests.club.boxing import (
    LATER,
    NOW,
    TEAM,
    a_member,
    a_round,
    bottle,
    box_of,
    content,
    shipped,
)
from tests.factories import ContactFactory

pytestmark = pytest.mark.usefixtures("shop")


def a_box(**more) -> Box:
    member = a_member(**more)
    a_round((bottle(stock=9), 2), (bottle("Mâcon", "blanc", stock=9), 1))
    return box_of(member)


def on_shelves():
    return [(v.on_hand, v.held) for v in Variant.objects.order_by("pk")]


def hand_over(box, **more):
    told = {"gesture": uuid4(), "id_checked": True, "by": TEAM, "now": LATER, **more}
    return packing.hand_over(box.pk, **told)


# --- packed ----------------------------------------------------------------------------------


def test_a_tick_pulls_the_bottles_from_their_shelves_once():
    box = a_box()
    for _ in range(2):
        packing.pack(box.pk, by=TEAM, now=LATER)
    assert on_shelves() == [(7, 0), (8, 0)]
    sales = StockMove.objects.filter(cause=MoveCause.SALE).order_by("variant")
    assert [move.units for move in sales] == [-2, -1]


def test_a_tick_may_be_taken_back_and_made_again():
    box = a_box()
    for _ in range(2):
        packing.pack(box.pk, by=TEAM, now=LATER)
        packing.unpack(box.pk, by=TEAM, now=LATER)
        packing.unpack(box.pk, by=TEAM, now=LATER)
        assert on_shelves() == [(9, 2), (9, 1)]
    packing.pack(box.pk, by=TEAM, now=LATER)
    assert on_shelves() == [(7, 0), (8, 0)]
    assert content(box) == {"Morgon": 2, "Mâcon": 1}


def test_a_box_that_is_short_is_not_packed():
    member = a_member()
    a_round((bottle(stock=2), 3))
    with pytest.raises(packing.BottlesMissing, match="manque 1 bouteille"):
        packing.pack(box_of(member).pk, by=TEAM, now=LATER)


@pytest.mark.parametrize("state", [State.LATE, State.PAUSED])
def test_who_is_late_or_pauses_has_no_box_packed_until_that_is_settled(state):
    box = a_box()
    Member.objects.update(state=state)
    said = "règlement" if state == State.LATE else "en pause"
    with pytest.raises((packing.NotSettled, packing.OnPause), match=said):
        packing.pack(box.pk, by=TEAM, now=LATER)
    Member.objects.update(state=State.ACTIVE)
    assert packing.pack(box.pk, by=TEAM, now=LATER).state == BoxState.PACKED


def test_a_box_that_was_put_off_is_not_packed():
    box = a_box()
    boxes.skip(box.pk, by=TEAM, now=NOW)
    with pytest.raises(packing.NotToPack, match="reportée"):
        packing.pack(box.pk, by=TEAM, now=LATER)


# --- handed over -----------------------------------------------------------------------------


def test_it_is_handed_over_against_a_proof_of_age_once_a_gesture():
    box = a_box()
    packing.pack(box.pk, by=TEAM, now=LATER)
    with pytest.raises(IdNotChecked):
        hand_over(box, id_checked=False)
    gesture = uuid4()
    for _ in range(2):
        hand_over(box, gesture=gesture)
    found = Box.objects.get()
    assert (found.state, found.id_checked, found.ended_at) == (BoxState.HANDED, True, LATER)
    (told,) = found.member.story.filter(kind="box_handed")
    assert (told.actor_kind, told.actor_id) == ("team", TEAM.id)


def test_a_minor_gets_no_wine_whoever_ticked():
    box = a_box(contact=ContactFactory(birth_date=date(2010, 1, 1)))
    packing.pack(box.pk, by=TEAM, now=LATER)
    with pytest.raises(Minor):
        hand_over(box)


def test_what_is_not_packed_is_not_handed_over():
    with pytest.raises(packing.NotReady, match="à préparer"):
        hand_over(a_box())


def test_a_handover_by_mistake_is_taken_back():
    box = a_box()
    packing.pack(box.pk, by=TEAM, now=LATER)
    hand_over(box)
    with pytest.raises(packing.HasLeft):
        packing.unpack(box.pk, by=TEAM, now=LATER)
    for _ in range(2):
        packing.take_back(box.pk, by=TEAM, now=LATER)
    assert Box.objects.get().state == BoxState.PACKED
    hand_over(box)


# --- shipped ---------------------------------------------------------------------------------


def ship(box, carrier="colissimo", tracking="8x 1234 5678", **more):
    return packing.ship(box.pk, carrier=carrier, tracking=tracking, by=TEAM, now=LATER)


def test_a_parcel_leaves_with_its_number_and_its_member_is_told_once():
    box = a_box(**shipped())
    packing.pack(box.pk, by=TEAM, now=LATER)
    for _ in range(2):
        ship(box)
    (message,) = Message.objects.all()
    assert (message.kind, message.channel) == (Kind.SERVICE, "email")
    assert "partie par Colissimo" in message.body
    assert "code=8X12345678" in message.body


def test_a_wrong_number_is_corrected_and_told_again():
    box = a_box(**shipped())
    packing.pack(box.pk, by=TEAM, now=LATER)
    ship(box)
    ship(box, tracking="8X12345679")
    assert Box.objects.get().tracking == "8X12345679"
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("carrier", "typed", "refused"),
    [
        ("colissimo", "8X12 <script>", WrongTracking),
        ("other", "javascript:alert(1)", WrongAddress),
        ("other", "http://suivi.exemple.fr/1", WrongAddress),
    ],
)
def test_what_is_no_number_or_address_is_refused(carrier, typed, refused):
    box = a_box(**shipped())
    packing.pack(box.pk, by=TEAM, now=LATER)
    with pytest.raises(refused):
        ship(box, carrier, typed)
    assert not Message.objects.exists()


def test_a_parcel_may_leave_without_a_number():
    box = a_box(**shipped())
    packing.pack(box.pk, by=TEAM, now=LATER)
    ship(box, "other", "")
    assert "en route" in Message.objects.get().body


def test_what_is_fetched_at_the_shop_is_not_shipped():
    box = a_box()
    packing.pack(box.pk, by=TEAM, now=LATER)
    with pytest.raises(packing.Fetched):
        ship(box)


# --- labels ----------------------------------------------------------------------------------


def test_labels_are_drawn_by_the_worker_parcels_first_and_anew_when_a_box_changes(
    settings, tmp_path, run_jobs
):
    settings.MEDIA_ROOT = tmp_path
    fetched = a_box(contact=ContactFactory(first_name="Anaïs", last_name="Zola"))
    a_member(contact=ContactFactory(first_name="Loïc", last_name="Hugo"), **shipped())
    rounds.make(fetched.round_id, NOW)
    said = labels.words(fetched.round)["labels"]
    assert [one["name"] for one in said] == ["Loïc Hugo", "Anaïs Zola"]
    assert said[0]["lines"] == ["4 rue des Lices", "21200 Beaune"]

    def asked():
        fetched.round.refresh_from_db()
        return labels.ask(fetched.round, labels.words(fetched.round))

    assert not asked()
    run_jobs()
    assert asked()
    first = fetched.round.labels
    assert (tmp_path / first).read_bytes().startswith(b"%PDF")
    boxes.skip(fetched.pk, by=TEAM, now=NOW)
    assert not asked()
    run_jobs()
    assert asked()
    kept = [path.name for path in (tmp_path / first).parent.iterdir()]
    assert kept == [fetched.round.labels.rpartition("/")[2]]
    boxes.skip(box_of(Member.objects.latest("pk")).pk, by=TEAM, now=NOW)
    rounds.close(fetched.round_id, by=TEAM, now=LATER)
    run_jobs()
    assert not list((tmp_path / first).parent.iterdir())  # names and addresses are gone
