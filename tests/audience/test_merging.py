"""The team knows two records to be one person, and makes them one."""

from uuid import uuid4

import pytest
from django.utils import timezone

from apps.audience.merging import NotTwo, foresee, look_alikes, merge_people
from apps.audit.models import Entry
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.loyalty.models import Card, MergeRule, Movement
from apps.loyalty.services import add_stamp
from apps.loyalty.verifying import prove_cards
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db

OWNER = Actor("team", 1)
NOW = timezone.now()


def page_of(person):
    return f"/gestion/clients/{person.pk}/reunir/"


def holding(stamps, **person):
    card = CardFactory(contact=ContactFactory(**person))
    for _ in range(stamps):
        add_stamp(card=card, token=uuid4(), by=OWNER, now=NOW)
    return card.contact


@pytest.fixture
def two(shop):
    """Hélène by her phone, and Hélène by her e-mail."""
    ProgrammeFactory(goal=10, cooldown_minutes=0, merge_rule=MergeRule.SUM)
    by_phone = holding(3, first_name="Hélène", last_name="Dupré", email="")
    by_mail = holding(4, first_name="Helene", last_name="Dupré", phone="", email="h@exemple.fr")
    return by_phone, by_mail


def test_who_bears_the_same_name_is_offered_and_others_are_found_by_search(owner_client, two):
    kept, other = two
    stranger = ContactFactory(first_name="Marc", last_name="Petit", phone="+33698765432")
    page = owner_client.get(page_of(kept)).content.decode()
    assert f"?avec={other.pk}" in page
    assert f"?avec={stranger.pk}" not in page
    assert f"?avec={kept.pk}" not in page
    found = owner_client.get(page_of(kept), {"q": "76 54"}).content.decode()
    assert f"?avec={stranger.pk}" in found
    assert (
        "Personne ne correspond" in owner_client.get(page_of(kept), {"q": "zzz"}).content.decode()
    )


def test_a_record_without_a_name_is_offered_nobody(shop):
    ContactFactory.create_batch(2)
    assert look_alikes(ContactFactory(first_name="", last_name="")) == []


def test_what_it_comes_to_is_shown_before_and_nothing_is_done_yet(owner_client, two, rows):
    kept, other = two
    before = rows()
    page = owner_client.get(page_of(kept), {"avec": other.pk}).content.decode()
    for said in ("3 tampons", "4 tampons", "7 tampons", "h@exemple.fr"):
        assert said in page
    assert rows() == before


def test_an_address_that_is_let_go_is_named_before(owner_client, two):
    kept, _ = two
    third = ContactFactory(phone="+33698765432", email="autre@exemple.fr")
    page = owner_client.get(page_of(kept), {"avec": third.pk}).content.decode()
    assert "Ce numéro n’est plus gardé" in page
    assert "Cette adresse n’est plus gardée" not in page


@pytest.fixture
def rows():
    """What a merge would write."""
    return lambda: (
        list(Movement.objects.order_by("pk").values_list("pk", "stamps")),
        list(Card.objects.order_by("pk").values_list("pk", "balance", "rewards_ready")),
        list(Contact.objects.order_by("pk").values_list("pk", "email", "merged_into")),
        Entry.objects.count(),
    )


def test_two_records_become_the_one_that_was_foreseen(owner_client, two):
    kept, other = two
    seen = foresee(kept, other, by=OWNER, now=NOW)
    answer = owner_client.post(page_of(kept), {"avec": other.pk}, follow=True)
    assert "n’en font plus qu’une" in answer.content.decode()
    card = Card.objects.get(contact=kept)
    assert (
        (card.balance, card.rewards_ready) == (seen.card.balance, seen.card.rewards_ready) == (7, 0)
    )
    assert Contact.objects.get(pk=kept.pk).email == seen.contact.email == "h@exemple.fr"
    assert prove_cards().wrong == 0
    assert owner_client.get(f"/gestion/clients/{other.pk}/").url.endswith(f"/{kept.pk}/")
    assert Entry.objects.filter(verb="contact.merged").count() == 1


def test_a_second_tap_finds_them_one_already(owner_client, two):
    kept, other = two
    for _ in range(2):
        assert owner_client.post(page_of(kept), {"avec": other.pk}).status_code == 302
    assert Card.objects.get(contact=kept).balance == 7


@pytest.mark.parametrize(("number", "status"), [("", 200), ("x", 200), ("9" * 18, 404), ("²", 200)])
def test_a_number_that_names_nobody_leads_to_the_choice(owner_client, two, number, status):
    assert owner_client.get(page_of(two[0]), {"avec": number}).status_code == status


def test_a_record_is_never_joined_to_itself(two):
    with pytest.raises(NotTwo):
        merge_people(two[0], two[0], by=OWNER, now=NOW)


def test_two_who_join_them_at_once_crosswise_leave_one_record(committed):
    def make(_):
        ProgrammeFactory(goal=10, cooldown_minutes=0)
        return holding(3), holding(4, phone="+33698765432")

    ((one, two),) = committed(make, 1)

    def join(pair):
        merge_people(*pair, by=OWNER, now=NOW)

    done = committed(join, (one, two), (two, one))
    assert sorted(type(result).__name__ for result in done) == ["NoneType", "NotTwo"]
    (living,) = committed(lambda _: list(Contact.objects.living()), 1)
    assert len(living) == 1


def test_helpers_do_not_join_records(helper_client, two):
    kept, other = two
    assert helper_client.post(page_of(kept), {"avec": other.pk}).status_code == 403
