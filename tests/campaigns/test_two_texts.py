"""Two texts of one drop: a fair lot, a rule said beforehand, both side by side."""

import uuid
from collections import Counter

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.campaigns import personal, picking, ruling, services, splitting
from apps.campaigns.comparing import Comparison, Share
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Click, Drop, Pick, Rival, State
from apps.campaigns.versus import Measure, concluded, measure, versus
from apps.contacts.models import ConsentState, Contact
from apps.core.refusal import Refusal
from apps.messaging.models import Message
from tests.campaigns.drawn import (
    FRIDAY,
    TEAM,
    WORDS,
    click,
    crowd,
    draft,
    freeze,
    on_trial,
    readers,
)
from tests.factories import CardFactory, ContactFactory

# --- the lot ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(number=st.integers(1, 10**12), share=st.sampled_from([5, 10, 20, 50]))
def test_the_lot_is_fair_and_knows_nothing_of_who_is_held_out_nor_of_another_drop(number, share):
    """Of 4,000 people, within five standard deviations."""
    drop = Drop(pk=number, hold_out=20)
    drop.rival = Rival(share=share)
    people = range(4000)
    read = {person: splitting.reads(drop, person) for person in people}
    held = {person for person in people if personal.held_out(drop, person)}
    other = Drop(pk=number + 1)
    other.rival = Rival(share=share)

    def near(count, rate):
        return abs(count - 4000 * rate) < 5 * (4000 * rate * (1 - rate)) ** 0.5 + 1

    part = share / 100
    for text in (Pick.A, Pick.B):
        readers = {person for person in people if read[person] == text}
        assert near(len(readers), part)
        assert near(len(readers & held), part * 0.2)
        assert near(sum(splitting.reads(other, one) == text for one in readers), part * part)


@settings(deadline=None, max_examples=10)
@given(share=st.sampled_from([5, 10, 20, 30]))
def test_who_waited_is_halved_fairly_too(share):
    drop = Drop(pk=7)
    drop.rival = Rival(share=share, pick=Pick.HALF)
    counted = Counter(splitting.reads(drop, person) for person in range(20_000))
    assert abs(counted["a"] - counted["b"]) < 5 * 20_000**0.5


@pytest.mark.parametrize("pick", ["", Pick.A, Pick.B, Pick.HALF])
def test_the_database_draws_as_python_does(shop, pick):
    crowd(300)
    drop = Drop(pk=12)
    drop.rival = Rival(share=20, pick=pick)
    drawn = Contact.objects.annotate(text=splitting.reads_of(drop)).values_list("pk", "text")
    assert all(text == splitting.reads(drop, person) for person, text in drawn)
    turn = set(Contact.objects.filter(splitting.turn_of(drop)).values_list("pk", flat=True))
    first = {pk for pk, _ in drawn if personal.face(personal.TEXT, drop, pk) < 40}
    assert turn == (first if not pick else {pk for pk, _ in drawn} - first)


# --- said before it leaves ----------------------------------------------------------------


def test_the_rule_says_who_what_when_and_what_if_it_stays_open(shop):
    crowd(100)
    drop = draft()
    told = estimate(drop, shop, FRIDAY)
    said = " ".join(ruling.rule(drop, told.drawn))
    a, b, rest = (told.drawn[text] for text in ("a", "b", ""))
    assert (a + b + rest, told.people) == (100, 100)
    for part in (
        f"{a} et {b} personnes",
        "4 heures après le départ du dernier de ces messages",
        "celui dont le lien est le plus suivi",
        f"part aux {rest} autres, aux heures permises",
        "À égalité, ou avec trop peu de chiffres pour conclure, ils lisent le texte A.",
        "Vous pouvez choisir vous-même avant.",
    ):
        assert part in said


@given(people=st.integers(0, 5000))
def test_what_it_says_is_enough_is_enough_and_one_less_is_not(people):
    some = round(people * 0.1)
    found = ruling._least(some, people)
    if found is None:
        assert not Comparison(Share(people, people), Share(some, people)).concludes
        return
    assert Comparison(Share(found, people), Share(some, people)).concludes
    assert not Comparison(Share(found - 1, people), Share(some, people)).concludes


def test_the_price_is_that_of_the_dearer_text_for_who_waits(shop):
    crowd(50)
    told = estimate(draft({"sms_text": "B {lien} " + "x" * 160}), shop, FRIDAY)
    short, long = told.shortest.count.segments, told.rival.longest.count.segments
    assert long > short
    assert told.segments == told.drawn["a"] * short + (told.drawn["b"] + told.drawn[""]) * long


@pytest.mark.parametrize(
    ("written", "second", "sentence"),
    [
        ({}, {"sms_text": "A {lien}"}, "sont les mêmes"),
        ({}, {"sms_text": ""}, "Il manque le texte"),
        ({}, {"sms_text": "B [prix] {lien}"}, "Il reste à remplir"),
        ({}, {"sms_text": "B"}, "un lien à suivre dans les deux"),
        ({"offer": "5 €", "sms_text": "A {code}"}, {"sms_text": "B"}, "par SMS ne le porte pas"),
    ],
)
def test_what_could_not_be_picked_is_refused_before_it_leaves(shop, written, second, sentence):
    with pytest.raises(Refusal, match=sentence):
        services.ready(draft(second, **written), FRIDAY)


def test_halves_need_nothing_to_be_measured(shop):
    services.ready(draft({"sms_text": "B", "share": 50}), FRIDAY)


@pytest.mark.parametrize(
    ("a", "b", "offer", "by"),
    [
        ("A {lien}", "B {lien}", "5 €", Measure.CLICKS),
        ("A {lien} {code}", "B {code}", "5 €", Measure.CODES),
        ("A", "B {lien}", "", Measure.VISITS),
    ],
)
def test_links_count_else_codes_else_visits(shop, a, b, offer, by):
    assert measure(draft({"sms_text": b}, sms_text=a, offer=offer)) == by


def test_a_draft_keeps_its_second_text_gives_it_to_its_copy_and_lets_it_go(shop):
    drop = draft()
    copy = services.duplicate(drop, TEAM, FRIDAY)
    assert copy.rival.sms_text == "B {lien}"
    services.save_rival(drop.pk, None)
    assert list(Rival.objects.values_list("drop", flat=True)) == [copy.pk]
    services.discard(copy.pk)
    assert not Rival.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"share": 51}, {"share": 0}, {"pick": "a"}, {"picked_by": "hand"}]
)
def test_the_database_holds_that_a_pick_is_whole(shop, wrong):
    drop = draft()
    with pytest.raises(IntegrityError), transaction.atomic():
        Rival.objects.filter(drop=drop).update(**wrong)


# --- side by side -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "begins"),
    [
        ((30, 100), (10, 100), "Le texte B fait mieux : pour 100 personnes, entre 9 et 31 clics"),
        ((10, 100), (30, 100), "Le texte A fait mieux"),
        ((3, 40), (2, 40), "Trop peu de monde pour conclure"),
        ((0, 0), (0, 0), "Personne n’a encore été tiré au sort"),
    ],
)
def test_what_the_two_texts_let_one_say(one, other, begins):
    said = concluded(Comparison(Share(*one), Share(*other)), Measure.CLICKS)
    assert said.startswith(begins)


def test_both_stand_side_by_side_and_who_read_later_is_not_compared(shop):
    drop = on_trial(shop, 100)
    counted = Counter(readers(drop).values())
    click(drop, "a", 2)
    picking.choose(drop.pk, "a", TEAM, FRIDAY)
    drop = freeze(drop, FRIDAY)
    late = Message.objects.exclude(contact__in=_readers_of_the_trial(drop)).first()
    Click.objects.create(drop=drop, contact_id=late.contact_id, link="card")
    found = versus(drop)
    assert (found.a.people, found.b.people) == (counted["a"], counted["b"])
    assert (found.a.clicked.some, found.b.clicked.some) == (2, 0)
    assert found.a.delivered == counted["a"]


def _readers_of_the_trial(drop):
    people = Contact.objects.values_list("pk", flat=True)
    return [pk for pk in people if personal.face(personal.TEXT, drop, pk) < 40]


def test_two_records_that_become_one_are_one_reader(shop):
    drop = on_trial(shop)
    one, other = [person for person, text in readers(drop).items() if text == "a"][:2]
    Contact.objects.filter(pk=other).update(merged_into=one)
    click(drop, "a", 2)
    found = versus(drop).a
    assert (found.clicked.some, found.people) == (1, Counter(readers(drop).values())["a"] - 1)


def test_the_owner_reads_both_and_chooses_on_the_page(
    shop, owner_client, django_assert_max_num_queries
):
    drop = on_trial(shop)
    with django_assert_max_num_queries(30):
        page = owner_client.get(f"/gestion/messages/{drop.pk}/").content.decode()
    for told in (
        "Texte A",
        "Texte B",
        "Trop peu de monde",
        "attendent encore",
        "liront le texte A",
    ):
        assert told in page
    address = f"/gestion/messages/{drop.pk}/texte/b/"
    assert owner_client.post(address).status_code == 302
    assert Rival.objects.get().pick == "b"
    page = owner_client.get(f"/gestion/messages/{drop.pk}/").content.decode()
    assert "Vous avez choisi le texte B" in page


def test_the_second_text_is_typed_shown_and_explained_as_one_writes(shop, owner_client):
    CardFactory.create_batch(20, contact__agreeing=True)
    drop = services.create(TEAM, written=WORDS)
    typed = {
        "title": "Deux",
        "use_sms": "on",
        "sms_text": "A {lien}",
        "fallback": "vous",
        "when": "now",
        "b-two": "on",
        "b-sms_text": "Le second {lien}",
        "b-share": "10",
        "b-hours": "8",
        "b-otherwise": "half",
    }
    path = f"/gestion/messages/{drop.pk}/brouillon/"
    page = owner_client.post(path, typed, headers={"HX-Request": "true"}).content.decode()
    assert 'id="b-apercu" hx-swap-oob="true"' in page
    assert "Le second " in page
    assert "8 heures après le départ" in page
    rival = Rival.objects.get()
    assert (rival.share, rival.hours, rival.otherwise) == (10, 8, "half")
    answer = owner_client.post(path, {**typed, "b-sms_text": "{prenon}"})
    assert answer.status_code == 422
    assert 'id="b-sms_text-erreur"' in answer.content.decode()
    assert (
        "Deux textes" in owner_client.get(f"/gestion/messages/{drop.pk}/envoyer/").content.decode()
    )
    del typed["b-two"]
    owner_client.post(path, typed)
    assert not Rival.objects.exists()


def test_a_trial_that_nobody_was_drawn_for_ends_at_once(shop):
    drop = draft({"share": 1})
    ContactFactory.create_batch(30, agreeing=True)
    drawn = [pk for pk in Contact.objects.values_list("pk", flat=True) if splitting.reads(drop, pk)]
    Contact.objects.filter(pk__in=drawn).update(sms_consent=ConsentState.NONE)
    drop = services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, FRIDAY), FRIDAY)
    drop = freeze(drop)
    assert (readers(drop), drop.rival.pick_at) == ({}, FRIDAY)
    picking.pick(drop.pk, FRIDAY)
    assert freeze(drop).audience_size == 30 - len(drawn)


def test_an_operator_that_stops_pauses_the_trial_and_lets_it_go_on(shop):
    drop = on_trial(shop)
    services.provider_paused(drop.cause, "quota")
    assert Drop.objects.get().state == State.PAUSED
    services.provider_resumed(now=FRIDAY)
    assert freeze(drop).state == State.TESTING
