"""The tap in the message: what it proves, what it joins, and what it leaves alone."""

from uuid import uuid4

import pytest
from django.db.models import Sum
from django.utils import timezone

from apps.contacts.consent import write_consent
from apps.contacts.models import Channel, ConsentEvent, ConsentState, Contact, Source
from apps.core.actor import SYSTEM, Actor
from apps.core.phone import parse_phone
from apps.loyalty.card_links import send_card_link
from apps.loyalty.customer_views import SHOWN
from apps.loyalty.joining import Wish, join
from apps.loyalty.models import Card, Joining, Movement, MovementKind
from apps.loyalty.proving import LinkEnded, confirm, decline, renew_link
from apps.loyalty.services import add_stamp, card_of, redeem
from apps.messaging.models import Message
from tests.factories import ContactFactory, ProgrammeFactory

NUMBER = "+33612345678"
HELPER = Actor("team", 1)


@pytest.fixture(autouse=True)
def programme(shop):
    return ProgrammeFactory(cooldown_minutes=0)


@pytest.fixture
def joined(shop):
    """``joined(first_name=…)``: someone joins with the number, the e-mail, or both."""

    def make(first_name="Camille", phone=NUMBER, email="", agreed=("sms",)):
        wish = Wish(
            key=uuid4(),
            first_name=first_name,
            phone=parse_phone(phone) if phone else None,
            email=email,
            agreed=frozenset(agreed),
            adult=True,
        )
        card = join(wish, shop=shop, client_address="192.0.2.1")
        return card, Joining.objects.order_by("pk").last()

    return make


def stamp(card, times=1):
    for _ in range(times):
        add_stamp(card=card, token=uuid4(), by=HELPER, now=timezone.now())
    card.refresh_from_db()


def proven(**fields):
    person = ContactFactory(
        **{"phone": NUMBER, "email": "", "phone_proven_at": timezone.now(), **fields}
    )
    return card_of(person)


def test_the_tap_proves_the_number_and_grants_what_was_ticked(joined):
    card, joining = joined()
    assert confirm(joining.token) == card
    person = Contact.objects.get()
    assert person.phone_proven_at is not None
    assert person.sms_consent == ConsentState.GRANTED
    last = ConsentEvent.objects.order_by("pk").last()
    assert (last.state, last.source) == (ConsentState.GRANTED, Source.MESSAGE)
    assert (last.actor_kind, last.actor_id) == ("customer", person.pk)


def test_a_box_left_empty_stays_empty(joined):
    _, joining = joined(agreed=())
    confirm(joining.token)
    assert Contact.objects.get().sms_consent == ConsentState.NONE


def test_opening_the_link_confirms_nothing(joined, visitor):
    _, joining = joined()
    page = visitor.get(f"/v/{joining.token}/")
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    joining.refresh_from_db()
    assert joining.confirmed_at is None
    assert Contact.objects.get().phone_proven_at is None


def test_the_button_confirms_and_opens_the_card(joined, visitor):
    card, joining = joined()
    visitor.cookies[SHOWN] = card.token
    answer = visitor.post(f"/v/{joining.token}/")
    assert answer["Location"] == f"/c/{card.token}/"
    assert visitor.get(f"/v/{joining.token}/")["Location"] == f"/c/{card.token}/"


def test_who_typed_a_neighbours_number_loses_the_card_with_the_neighbours_tap(joined, visitor):
    card, joining = joined()
    way_out = card.contact.link_token
    theirs = confirm(joining.token)
    assert theirs == card
    assert visitor.get(f"/c/{card.token}/").status_code == 404
    assert visitor.get(f"/stop/{way_out}/").status_code == 404
    assert visitor.get(f"/c/{theirs.token}/").status_code == 200


def test_who_typed_a_known_number_never_reaches_its_holders_card(joined, visitor):
    own = proven(first_name="Hélène")
    fresh, joining = joined()
    assert confirm(joining.token) == own
    assert visitor.get(f"/c/{fresh.token}/").status_code == 404
    own.refresh_from_db()
    assert visitor.get(f"/c/{own.token}/").status_code == 200


def test_a_second_address_proven_later_leaves_the_links_as_they_are(joined):
    card, by_mail = joined(email="camille@exemple.fr")
    by_sms = Joining.objects.exclude(pk=by_mail.pk).get()
    kept = confirm(by_sms.token).token
    assert kept != card.token
    assert confirm(by_mail.token).token == kept


def test_the_holder_finds_their_own_card_and_the_old_link_leads_to_it(joined, visitor):
    own = proven(first_name="Hélène")
    stamp(own, 4)
    fresh, joining = joined()
    assert fresh != own
    assert confirm(joining.token, shown=fresh.token) == own
    assert Contact.objects.living().get().first_name == "Hélène"
    assert visitor.get(f"/c/{fresh.token}/")["Location"] == f"/c/{own.token}/"
    assert "4 / 10" in visitor.get(f"/c/{own.token}/").content.decode()


def test_stamps_collected_meanwhile_come_along(joined):
    own = proven()
    stamp(own, 7)
    fresh, joining = joined()
    stamp(fresh, 5)
    confirm(joining.token)
    own.refresh_from_db()
    fresh.refresh_from_db()
    assert (own.balance, own.rewards_ready, fresh.balance) == (2, 1, 0)
    for card in (own, fresh):
        total = Movement.objects.filter(card=card).aggregate(n=Sum("stamps"))["n"] or 0
        assert total == card.balance
    moved = Movement.objects.filter(kind=MovementKind.TRANSFER)
    assert sorted(moved.values_list("stamps", flat=True)) == [-5, 5]


def test_a_reward_won_meanwhile_comes_along_and_is_given_once(joined):
    own = proven()
    fresh, joining = joined()
    stamp(fresh, 10)
    confirm(joining.token)
    own.refresh_from_db()
    assert own.rewards_ready == 1
    redeem(reward=own.rewards.get(), token=uuid4(), by=HELPER, now=timezone.now(), id_checked=True)
    own.refresh_from_db()
    assert own.rewards_ready == 0


def test_a_second_tap_changes_nothing(joined):
    own = proven()
    fresh, joining = joined()
    stamp(fresh, 3)
    confirm(joining.token)
    before = (list(Movement.objects.values()), list(ConsentEvent.objects.values()))
    assert confirm(joining.token) == own
    assert (list(Movement.objects.values()), list(ConsentEvent.objects.values())) == before


def test_whoever_squatted_the_number_loses_its_links(joined, visitor):
    squatted, _ = joined(first_name="Intrus")
    stamp(squatted, 2)
    old_link = squatted.contact.link_token
    _, joining = joined(first_name="Camille")
    card = confirm(joining.token)
    assert card == squatted
    assert card.token != squatted.token
    assert card.contact.first_name == "Camille"
    assert card.contact.link_token != old_link
    assert visitor.get(f"/c/{squatted.token}/").status_code == 404


def test_a_strangers_own_record_is_not_opened_by_the_number_it_claimed(joined):
    """They joined with a mailbox of theirs and the number of a neighbour, then the neighbour."""
    strangers, _ = joined("Intrus", email="intrus@exemple.fr")
    mail = Joining.objects.get(channel=Channel.EMAIL)
    confirm(mail.token)
    fresh, joining = joined("Camille")
    assert confirm(joining.token) == fresh
    strangers.contact.refresh_from_db()
    assert strangers.contact.phone == ""
    assert Contact.objects.get(phone=NUMBER) == fresh.contact


def test_a_neighbours_mailbox_is_not_joined_to_my_proven_number(joined):
    own = proven(phone="+33698765432", email="voisine@exemple.fr", email_proven_at=timezone.now())
    stamp(own, 6)
    mine, _ = joined("Intrus", email="voisine@exemple.fr")
    sms, mail = Joining.objects.order_by("pk")
    confirm(sms.token)
    assert confirm(mail.token) == own
    mine.contact.refresh_from_db()
    assert mine.contact.merged_into is None
    assert Card.objects.get(pk=mine.pk).balance == 0


def test_only_the_proven_channel_is_granted(joined):
    joined(email="camille@exemple.fr", agreed=("sms", "email"))
    confirm(Joining.objects.get(channel=Channel.SMS).token)
    person = Contact.objects.get()
    assert (person.sms_consent, person.email_consent) == (
        ConsentState.GRANTED,
        ConsentState.PENDING,
    )


def test_an_old_link_does_not_undo_a_stop(joined):
    _, joining = joined()
    person = Contact.objects.get()
    customer = Actor("customer", person.pk)
    stop = ConsentState.WITHDRAWN
    write_consent(person, Channel.SMS, stop, source=Source.REPLY, by=customer)
    confirm(joining.token)
    assert Contact.objects.get().sms_consent == ConsentState.WITHDRAWN


def test_the_helpers_quick_add_is_confirmed_the_same_way(shop):
    person = ContactFactory(sms_consent=ConsentState.PENDING)
    send_card_link(person, Channel.SMS, by=HELPER)
    assert confirm(Joining.objects.get().token) == card_of(person)
    person.refresh_from_db()
    assert person.sms_consent == ConsentState.GRANTED


def test_not_me_forgets_the_number(joined, visitor):
    _, joining = joined()
    answer = visitor.post(f"/v/{joining.token}/non/")
    assert answer.status_code == 200
    assert Contact.objects.get().phone == ""
    assert visitor.get(f"/v/{joining.token}/").status_code == 404


def test_not_me_leaves_a_proven_number_alone(joined):
    own = proven()
    _, joining = joined()
    decline(joining.token)
    own.contact.refresh_from_db()
    assert own.contact.phone == NUMBER


def test_a_renewed_card_closes_every_older_link(joined, visitor):
    own = proven()
    fresh, joining = joined()
    confirm(joining.token)
    old = card_of(own.contact).token
    renewed = renew_link(card_of(own.contact), client_address="192.0.2.1")
    for path in (f"/c/{old}/", f"/c/{fresh.token}/", f"/v/{joining.token}/"):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert "Retrouver ma carte" in answer.content.decode()
    assert visitor.get(f"/c/{renewed.token}/").status_code == 200
    sent = Message.objects.order_by("pk").last()
    assert sent.to == NUMBER
    assert Joining.objects.get().token in sent.body


def test_a_link_nobody_made_says_what_to_do(visitor):
    for path in ("/c/x/", "/v/x/", "/c/x/donnees/", "/c/x/renouveler/"):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert "redemandez votre carte" in answer.content.decode()
    with pytest.raises(LinkEnded):
        confirm("x")


def test_two_taps_in_parallel_join_once(committed, shop):
    def prepare(_):
        holder = ContactFactory(phone="+33698000008", email="", phone_proven_at=timezone.now())
        wish = Wish(key=uuid4(), first_name="Zoé", phone=parse_phone(holder.phone), adult=True)
        fresh = join(wish, shop=shop, client_address="192.0.2.78")
        add_stamp(card=fresh, token=uuid4(), by=SYSTEM, now=timezone.now())
        return card_of(holder).pk, Joining.objects.get(contact=fresh.contact).token

    ((own, token),) = committed(prepare, None)
    assert {card.pk for card in committed(confirm, *[token] * 4)} == {own}
    moves = Movement.objects.filter(kind=MovementKind.TRANSFER)
    assert sorted(moves.values_list("stamps", flat=True)) == [-1, 1]
