"""What a drop offers to reserve: chosen, priced as the law has it, ready, open, over."""

from datetime import timedelta
from uuid import uuid4

import pytest

from apps.campaigns import due_lots, lots, services
from apps.campaigns.estimate import estimate
from apps.campaigns.links import short
from apps.campaigns.lot_models import Booking, Lot
from apps.campaigns.models import Drop
from apps.campaigns.tasks import run_lots
from apps.campaigns.timing import last_moment
from apps.catalog.models import PriceChange, Variant
from apps.catalog.services.products import lowest_price, set_price
from apps.core import due
from apps.core.models import Due
from apps.messaging.models import Message
from apps.shops.services import shop_here
from tests.campaigns.drawn import SECOND, crowd
from tests.campaigns.selling import FRIDAY, TEAM, WORDS, a_draft, a_lot, bottle, launched, take
from tests.factories import ContactFactory

DAY = timedelta(days=1)


def launch(drop):
    ContactFactory(agreeing=True)
    told = estimate(drop, shop_here(), FRIDAY)
    return services.launch(drop.pk, uuid4(), TEAM, told, FRIDAY)


def body(lot):
    return Message.objects.filter(cause=lot.drop.cause).latest("pk").body


def test_each_message_tells_the_product_and_carries_its_reader_s_own_link(shop):
    reader = ContactFactory(agreeing=True, first_name="Zoé")
    lot = a_lot(24, price_cents=1250)
    assert body(lot).startswith("Zoé, 24 Morgon, 12,50 € : ")
    assert f"/r/{short(lot.drop_id)}/{reader.link_token}/" in body(lot)
    assert "https://" not in body(lot)


def test_instead_of_names_the_lowest_price_of_thirty_days_and_nothing_else(shop):
    wine = bottle(24, price=1500)
    set_price(variant=wine, price_cents=1400, by=TEAM, now=FRIDAY - 20 * DAY)
    set_price(variant=wine, price_cents=1600, by=TEAM, now=FRIDAY - 10 * DAY)
    lot = launched(a_draft(wine, price_cents=1250, says_former=True))
    assert lot.former_cents == 1400
    assert "12,50 € au lieu de 14,00 €" in body(lot)


def test_a_price_that_is_not_lower_is_said_alone(shop):
    wine = bottle(24, price=1500)
    set_price(variant=wine, price_cents=1200, by=TEAM, now=FRIDAY - 20 * DAY)
    drop = a_draft(wine, price_cents=1250, says_former=True)
    assert drop.lot.former_cents is None
    assert "au lieu de" not in body(launched(drop))


def test_the_former_price_is_looked_up_again_when_it_leaves(shop):
    wine = bottle(24, price=1500)
    drop = a_draft(wine, FRIDAY - DAY, price_cents=1250, says_former=True)
    assert drop.lot.former_cents == 1500
    set_price(variant=wine, price_cents=1300, by=TEAM, now=FRIDAY - timedelta(hours=2))
    assert launched(drop).former_cents == 1300


def test_an_offer_is_a_price_practised_that_the_next_one_knows(shop):
    wine = bottle(24, price=1500)
    lot = launched(a_draft(wine, price_cents=1250, says_former=True))
    assert lowest_price(wine, FRIDAY + DAY) == 1250
    later = lots.end_of(lot) + DAY
    run_at(later)
    assert PriceChange.objects.filter(variant=wine).latest("at").price_cents == 1500
    assert not lots.lowest(Lot(variant=wine, price_cents=1300), later)


def run_at(now):
    due_lots.run(now)


@pytest.mark.parametrize(
    "typed", ["12 € au lieu de 15", "12 € AU LIEU  D’un billet de 20", "au lieu d'hier"]
)
def test_instead_of_is_never_typed(shop, typed):
    drop = a_draft(bottle(), text={**WORDS, "sms_text": f"{typed} {{réserver}}"})
    with pytest.raises(lots.FormerPriceTyped):
        launch(drop)


def test_instead_of_is_not_typed_without_a_product_either(shop):
    drop = services.create(TEAM, written={"use_email": False, "sms_text": "12 € au lieu de 15 €"})
    with pytest.raises(lots.FormerPriceTyped):
        launch(drop)


def test_words_about_a_product_want_one_chosen(shop):
    drop = services.create(TEAM, written=WORDS)
    with pytest.raises(lots.NothingToReserve):
        launch(drop)


def test_a_product_that_nobody_could_reserve_does_not_leave(shop):
    drop = a_draft(bottle(), text={**WORDS, "sms_text": "Du {produit} vient d'arriver"})
    with pytest.raises(lots.NoWayToReserve):
        launch(drop)


def test_more_than_the_shelf_holds_is_not_announced(shop):
    drop = a_draft(bottle(5), quantity=6)
    with pytest.raises(lots.NotOnTheShelf) as refused:
        launch(drop)
    assert "5" in str(refused.value)


def test_what_is_not_counted_is_as_many_as_the_owner_says(shop):
    lot = launched(a_draft(bottle(None), quantity=500))
    take(lot, ContactFactory(agreeing=True), 6)
    assert Lot.objects.get().taken == 6


def test_a_last_day_before_the_message_leaves_is_refused(shop):
    drop = a_draft(bottle(), until=FRIDAY.date() - DAY)
    with pytest.raises(lots.DayPassed):
        launch(drop)


@pytest.mark.parametrize(
    ("drop_until", "lot_until", "last"),
    [(None, 2, 2), (None, 6, 6), (4, 2, 2), (1, 2, 1)],
)
def test_nobody_is_told_of_a_product_once_its_last_day_is_over(shop, drop_until, lot_until, last):
    today = FRIDAY.date()
    said = {"relevant_until": today + drop_until * DAY} if drop_until else {}
    drop = a_draft(bottle(), text={**WORDS, **said}, until=today + lot_until * DAY)
    assert last_moment(drop, shop, FRIDAY).date() == today + last * DAY
    assert launched(drop).drop.relevant_until == today + last * DAY


def test_who_must_wait_for_the_cap_until_the_product_is_gone_is_not_written_to(shop):
    free = ContactFactory(agreeing=True)
    ContactFactory(agreeing=True, last_commercial_at=FRIDAY - 4 * DAY)
    lot = a_lot(until=FRIDAY.date() + DAY)
    assert lot.drop.left_out == {"cap": 1}
    assert Message.objects.get(cause=lot.drop.cause).contact == free


def test_both_texts_of_a_drop_are_about_its_product(shop):
    crowd(60)
    drop = a_draft(bottle(24), quantity=24)
    services.save_rival(drop.pk, {**SECOND, "sms_text": "B {produit} {réserver}"})
    lot = launched(Drop.objects.get(pk=drop.pk))
    written = Message.objects.filter(cause=lot.drop.cause).select_related("contact")
    told = {m.body[0]: m for m in written}
    assert set(told) == {"Z", "B"}
    for text, says in (("Z", "24 Morgon, 14,90"), ("B", "B Morgon")):
        message = told[text]
        assert says in message.body
        assert f"/r/{short(lot.drop_id)}/{message.contact.link_token}/" in message.body
        take(lot, message.contact)
    assert Lot.objects.get().taken == 2


def test_a_second_text_without_the_link_to_reserve_does_not_leave(shop):
    drop = a_draft(bottle())
    services.save_rival(drop.pk, {**SECOND, "sms_text": "B {produit}"})
    with pytest.raises(lots.NoWayToReserve):
        launch(Drop.objects.get(pk=drop.pk))


def test_alcohol_is_offered_only_where_the_shop_says_that_it_sells_some(shop):
    drop = a_draft(bottle())
    shop.sells_alcohol = False
    shop.save()
    with pytest.raises(lots.SellsNoAlcohol):
        launch(drop)


def test_the_health_sentence_goes_with_every_bottle(shop):
    assert "L'abus d'alcool est dangereux pour la santé" in body(a_lot())


def test_a_copy_is_about_the_same_product_on_another_day(shop):
    lot = a_lot(12, price_cents=1250, until=FRIDAY.date() + 2 * DAY)
    copy = services.duplicate(lot.drop, TEAM, FRIDAY + 30 * DAY).lot
    assert (copy.variant, copy.price_cents, copy.quantity) == (lot.variant, 1250, 12)
    assert copy.until > lot.until
    assert copy.taken == 0


def test_a_draft_thrown_away_takes_its_lot_along(shop):
    drop = a_draft(bottle())
    services.discard(drop.pk)
    assert not Lot.objects.exists()
    assert not Drop.objects.exists()


# --- the clock ------------------------------------------------------------------------------


def test_those_who_have_reserved_are_reminded_once_on_the_eve(shop):
    lot = a_lot(12, until=FRIDAY.date() + 3 * DAY)
    mine = ContactFactory(agreeing=True)
    take(lot, mine, 2)
    eve = lots.reminder_of(lot)
    run_at(eve - timedelta(minutes=1))
    assert not Message.objects.filter(cause__endswith=":reminder").exists()
    run_at(eve)
    run_at(eve + timedelta(hours=1))
    told = Message.objects.get(cause__endswith=":reminder")
    assert (told.contact, told.kind) == (mine, "service")
    assert "2 x Morgon vous attendent jusqu'au 23 novembre 2026" in told.body
    assert mine.link_token in told.body


def test_the_reminder_comes_at_the_owner_s_own_moment(shop):
    at = FRIDAY + timedelta(hours=7)
    lot = a_lot(12, remind_at=at)
    take(lot, ContactFactory(agreeing=True))
    run_at(at)
    assert Message.objects.filter(cause__endswith=":reminder").exists()


def test_what_nobody_fetched_is_on_the_shelf_again_the_next_morning(shop):
    lot = a_lot(12)
    mine = take(lot, ContactFactory(agreeing=True), 2)
    run_at(lots.end_of(lot) - timedelta(seconds=1))
    assert Variant.objects.get().held == 2
    run_at(lots.end_of(lot))
    mine.refresh_from_db()
    lot.refresh_from_db()
    assert (mine.state, lot.taken, Variant.objects.get().held) == (Booking.State.LAPSED, 0, 0)
    assert lot.settled_at


def test_the_due_index_knows_the_next_moment_and_then_nothing(shop):
    lot = a_lot(12, until=FRIDAY.date() + 3 * DAY)
    assert Due.objects.get(what=lots.DUE).at == lots.reminder_of(lot)
    run_at(lots.reminder_of(lot))
    assert Due.objects.get(what=lots.DUE).at == lots.end_of(lot)
    run_at(lots.end_of(lot))
    assert Due.objects.get(what=lots.DUE).at is None


def test_the_sweep_opens_only_the_shops_where_something_is_due(shop, run_jobs):
    lot = a_lot(12)
    assert due.take(lots.DUE, FRIDAY) == []
    run_lots()
    lot.refresh_from_db()
    assert not lot.settled_at or lots.end_of(lot) <= lot.settled_at
