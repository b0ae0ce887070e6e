"""Reserving, changing, giving back, waiting, being handed over: what each one may count on."""

import json
from datetime import date, timedelta
from uuid import uuid4

import pytest

from apps.audience.exporting import json_pieces
from apps.audience.queries import timeline
from apps.audit.models import Entry
from apps.campaigns import bookings, lots
from apps.campaigns.booking_queries import standing, tally
from apps.campaigns.lot_models import Booking, Lot
from apps.campaigns.tasks import units_freed
from apps.catalog.models import MoveCause, Purchase, Reservation, StockMove, Variant
from apps.catalog.queries import spending
from apps.catalog.services.stock import move_stock
from apps.contacts.age import IdNotChecked, Minor
from apps.core.actor import Actor
from apps.loyalty.merging import lock_people, merge_records
from apps.loyalty.services import TokenSpent
from apps.messaging.models import Message
from tests.campaigns.selling import FRIDAY, TEAM, a_draft, a_lot, bottle, launched, take
from tests.campaigns.test_lots import run_at
from tests.factories import ContactFactory

State = Booking.State
HOUR = timedelta(hours=1)


@pytest.fixture
def lot(shop):
    return a_lot(4)


def person(**more):
    return ContactFactory(agreeing=True, **more)


def figures():
    """What the lot says is taken, and what the shelf holds back."""
    return Lot.objects.get().taken, Variant.objects.get().held


def back(booking, by=TEAM, now=FRIDAY):
    return bookings.cancel(booking, by=by, now=now)


def given(booking, **more):
    gesture = {"gesture": uuid4(), "id_checked": True, "by": TEAM, "now": FRIDAY, **more}
    return bookings.hand_over(booking, **gesture)


def turns():
    return list(Message.objects.filter(cause__endswith=":turn").order_by("pk"))


# --- first come, first served ---------------------------------------------------------------


def test_what_is_reserved_is_held_on_the_shelf(lot):
    mine = take(lot, person(), 2)
    assert (mine.state, figures()) == (State.HELD, (2, 2))
    assert Reservation.objects.get().cause == lot.drop.cause


def test_one_tap_too_late_is_told_how_many_are_left(lot):
    take(lot, person(), 3)
    with pytest.raises(bookings.OnlyLeft) as refused:
        take(lot, person(), 2)
    assert refused.value.left == 1
    assert figures() == (3, 3)


def test_a_bottle_sold_from_the_shelf_is_not_promised_again(lot):
    sold = {"cause": MoveCause.SALE, "token": uuid4(), "by": TEAM, "now": FRIDAY}
    move_stock(variant=lot.variant, units=-3, **sold)
    with pytest.raises(bookings.OnlyLeft) as refused:
        take(lot, person(), 2)
    assert refused.value.left == 1


def test_nobody_takes_more_than_their_share(shop):
    lot = a_lot(12, each=2)
    with pytest.raises(bookings.TooManyEach):
        take(lot, person(), 3)


def test_asked_again_with_another_number_is_changed_not_added(lot):
    someone = person()
    first = take(lot, someone, 1)
    assert take(lot, someone, 3) == first
    assert figures() == (3, 3)
    assert take(lot, someone, 2) == first
    assert figures() == (2, 2)


def test_more_than_is_left_keeps_what_one_had(lot):
    someone = person()
    take(lot, someone, 2)
    take(lot, person(), 2)
    with pytest.raises(bookings.OnlyLeft) as refused:
        take(lot, someone, 3)
    assert refused.value.left == 2
    assert figures() == (4, 4)


def test_given_back_is_free_for_another_and_twice_is_once(lot):
    mine = take(lot, person(), 4)
    back(mine)
    back(mine)
    assert figures() == (0, 0)
    take(lot, person(), 4)


def test_the_late_copy_of_a_form_brings_nothing_back(lot):
    someone, token = person(), uuid4()
    mine = take(lot, someone, 2, token=token)
    back(mine)
    assert take(lot, someone, 2, token=token).state == State.CANCELLED
    assert figures() == (0, 0)


def test_before_it_leaves_and_after_its_day_nothing_is_promised(lot):
    with pytest.raises(bookings.LotOver):
        take(lot, person(), now=lots.end_of(lot))
    draft = a_draft(lot.variant).lot
    with pytest.raises(bookings.LotOver):
        take(draft, person())


def test_the_owner_stops_and_goes_on(lot):
    lots.close(lot.pk, by=TEAM, now=FRIDAY)
    with pytest.raises(bookings.LotOver):
        take(lot, person())
    bookings.reopen(lot.pk, by=TEAM, now=FRIDAY)
    take(lot, person())


# --- age ------------------------------------------------------------------------------------


def test_wine_is_promised_to_who_says_to_be_an_adult(lot):
    someone = ContactFactory()
    with pytest.raises(bookings.AgeUnsaid):
        take(lot, someone)
    bookings.declare_adult(someone, FRIDAY)
    take(lot, someone)


def test_a_birth_date_is_believed_more_than_a_box(lot):
    young = person(birth_date=date(2010, 1, 1))
    with pytest.raises(Minor):
        take(lot, young)


def test_cheese_asks_nobody_s_age(shop):
    lot = launched(a_draft(bottle(4, kind="food")))
    mine = take(lot, ContactFactory())
    assert given(mine, id_checked=False).state == State.FETCHED


# --- the line -------------------------------------------------------------------------------


def test_who_comes_too_late_stands_in_line_in_order(lot):
    take(lot, person(), 4)
    first, second = person(), person()
    take(lot, first, wait=True, now=FRIDAY + HOUR)
    take(lot, second, wait=True, now=FRIDAY + 2 * HOUR)
    now = FRIDAY + 3 * HOUR
    assert [standing(lot, one, now).before for one in (first, second)] == [0, 1]
    assert figures() == (4, 4)


def test_what_is_freed_goes_to_who_waited_longest_and_they_are_told(lot):
    holder = take(lot, person(), 4)
    first = take(lot, person(), 1, wait=True, now=FRIDAY + HOUR)
    second = take(lot, person(), 2, wait=True, now=FRIDAY + 2 * HOUR)
    third = take(lot, person(), 3, wait=True, now=FRIDAY + 3 * HOUR)
    back(holder)
    for one in (first, second, third):
        one.refresh_from_db()
    assert [(one.state, one.units) for one in (first, second, third)] == [
        (State.HELD, 1),
        (State.HELD, 2),
        (State.HELD, 1),  # as far as it goes
    ]
    assert [message.contact for message in turns()] == [b.contact for b in (first, second, third)]
    assert {message.kind for message in turns()} == {"service"}
    assert figures() == (4, 4)


def test_nobody_passes_before_the_line(lot):
    holder = take(lot, person(), 4)
    take(lot, person(), 4, wait=True)
    back(holder)
    with pytest.raises(bookings.OnlyLeft):
        take(lot, person(), 1)


def test_who_does_not_answer_within_a_day_leaves_it_to_the_next(lot):
    holder = take(lot, person(), 4)
    silent = take(lot, person(), 4, wait=True)
    patient = take(lot, person(), 2, wait=True, now=FRIDAY + HOUR)
    back(holder)
    silent.refresh_from_db()
    assert silent.answer_by == FRIDAY + bookings.ANSWER_WITHIN
    run_at(silent.answer_by)
    silent.refresh_from_db()
    patient.refresh_from_db()
    assert (silent.state, patient.state) == (State.LAPSED, State.HELD)
    assert figures() == (2, 2)


def test_who_says_yes_keeps_it(lot):
    holder = take(lot, person(), 4)
    mine = take(lot, person(), 2, wait=True)
    back(holder)
    bookings.confirm(mine, FRIDAY + HOUR)
    run_at(FRIDAY + 2 * bookings.ANSWER_WITHIN)
    mine.refresh_from_db()
    assert mine.state == State.HELD


def test_a_turn_that_comes_at_night_is_told_in_the_morning(lot):
    night = FRIDAY + 13 * HOUR  # midnight in Beaune
    holder = take(lot, person(), 4)
    mine = take(lot, person(), 1, wait=True)
    back(holder, now=night)
    mine.refresh_from_db()
    (told,) = turns()
    assert told.available_at.hour == 7  # eight o'clock there
    assert mine.answer_by == told.available_at + bookings.ANSWER_WITHIN


def test_a_larger_quantity_serves_the_line_first(shop):
    lot = launched(a_draft(bottle(12), quantity=4))
    take(lot, person(), 4)
    mine = take(lot, person(), 2, wait=True)
    bookings.change_quantity(lot.pk, 6, by=TEAM, now=FRIDAY)
    mine.refresh_from_db()
    assert mine.state == State.HELD
    with pytest.raises(lots.FewerThanTaken):
        bookings.change_quantity(lot.pk, 5, by=TEAM, now=FRIDAY)


def test_bottles_that_arrive_are_offered_to_who_waits_for_them(shop, run_jobs):
    lot = a_lot(4)
    Variant.objects.update(on_hand=2)
    mine = take(lot, person(), 3, wait=True)
    arrived = {"cause": MoveCause.RECEIPT, "token": uuid4(), "by": TEAM, "now": FRIDAY}
    move_stock(variant=lot.variant, units=5, **arrived)
    assert bookings.standing_of(lot, mine.contact).state == State.WAITING
    Lot.objects.update(until=date(2999, 1, 1))
    units_freed(lot.variant_id)
    mine.refresh_from_db()
    assert (mine.state, mine.units) == (State.HELD, 3)


# --- handed over ----------------------------------------------------------------------------


def test_handed_over_is_sold_bought_and_counted_once(lot):
    someone = person()
    mine, gesture = take(lot, someone, 2), uuid4()
    for _ in range(3):
        given(mine, gesture=gesture)
    bought = Purchase.objects.get()
    assert (bought.contact, bought.amount_cents) == (someone, 2980)
    (line,) = bought.lines.all()
    assert (line.label, line.units, line.variant) == ("Morgon", 2, lot.variant)
    assert Variant.objects.get().on_hand == 2
    told = tally(Lot.objects.get())
    assert (told.reserved, told.fetched, told.cents, told.people) == (2, 2, 2980, 1)
    assert Entry.objects.filter(verb="booking.hand_over").count() == 1


def test_wine_is_handed_over_only_after_a_look_at_the_age(lot):
    mine = take(lot, person())
    with pytest.raises(IdNotChecked):
        given(mine, id_checked=False)
    assert not Purchase.objects.exists()
    assert given(mine).id_checked


def test_wine_is_not_handed_to_who_turns_out_to_be_a_minor(lot):
    someone = person()
    mine = take(lot, someone)
    someone.birth_date = date(2010, 1, 1)
    someone.save()
    with pytest.raises(Minor):
        given(mine)


def test_a_handover_taken_back_is_held_again_and_bought_by_nobody(lot):
    someone = person()
    mine = take(lot, someone, 2)
    given(mine)
    for _ in range(2):
        bookings.take_back(mine, by=TEAM, now=FRIDAY + HOUR)
    assert spending(someone, FRIDAY + HOUR).cents == 0
    assert Variant.objects.get().on_hand == 4
    assert figures() == (2, 2)
    given(mine)
    assert spending(someone, FRIDAY + HOUR).cents == 2980
    assert sum(StockMove.objects.values_list("units", flat=True)) == 2


def test_one_gesture_is_not_two_handovers(lot):
    gesture = uuid4()
    given(take(lot, person()), gesture=gesture)
    with pytest.raises(TokenSpent):
        given(take(lot, person()), gesture=gesture)


def test_what_was_fetched_is_not_given_back_and_what_waits_is_not_handed_over(lot):
    mine = take(lot, person(), 4)
    late = take(lot, person(), wait=True)
    given(mine)
    with pytest.raises(bookings.BookingOver):
        back(mine)
    with pytest.raises(bookings.NotHeld):
        given(late)


# --- the person -----------------------------------------------------------------------------


def merged(alias, into):
    alias, into = lock_people(alias, into)
    merge_records(alias, into, by=TEAM, now=FRIDAY)


def test_two_records_made_one_keep_what_either_had_reserved(lot):
    alias, kept = person(), person()
    mine = take(lot, alias, 2)
    merged(alias, kept)
    assert standing(lot, kept, FRIDAY).booking == mine
    assert take(lot, kept, 3) == mine
    assert figures() == (3, 3)
    given(Booking.objects.get(pk=mine.pk))
    assert spending(kept, FRIDAY + HOUR).cents == 3 * 1490


def test_their_story_and_their_export_tell_it(lot):
    someone = person()
    given(take(lot, someone, 2))
    titles = [moment.title for moment in timeline(someone)[0]]
    assert "Réservation" in titles
    assert "Réservation retirée" in titles
    export = "".join(json_pieces(someone.pk))
    assert '"reservations"' in export
    assert '"Article": "Morgon"' in export


def test_their_export_tells_their_place_in_line_too(lot):
    take(lot, person(), 4)
    late = person()
    take(lot, late, 2, wait=True)
    (asked,) = json.loads("".join(json_pieces(late.pk)))["demandes"]
    assert (asked["Article"], asked["Quantité"], asked["État"]) == ("Morgon", 2, "en attente")
    assert asked["Message"] == lot.drop.title
    assert json.loads("".join(json_pieces(late.pk)))["reservations"] == []


def test_a_customer_s_own_gesture_leaves_no_trail_of_the_team(lot):
    someone = person()
    back(take(lot, someone), by=Actor("customer", someone.pk))
    assert not Entry.objects.filter(verb__startswith="booking").exists()
