"""Segments: the database's answer is the rule's plain reading; they are kept, used and let go."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audience.criteria import Criteria, describe, people
from apps.audience.models import Segment
from apps.audience.rules import RULES
from apps.audience.services import NameTaken, SegmentInUse, delete_segment, keep_segment
from apps.campaigns import services as campaigns
from apps.catalog.models import Product, Purchase
from apps.catalog.services.sums import SPENDING
from apps.contacts.models import Contact
from apps.contacts.services import tag_named
from apps.core.actor import Actor
from apps.loyalty.models import Card
from tests.audience.shops import MOMENTS, TAGS, Plain, criteria_dicts, persons, rules
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db
TEAM = Actor("team", 1)
ABSENT = {"groups": [{"rules": [{"is": "unseen", "days": 45}]}]}
NEW, LIST = "/gestion/clients/segments/nouveau/", "/gestion/clients/segments/"
HTMX = {"HX-Request": "true"}


def _fill(crowd, now):
    Card.objects.all().delete()
    Contact.tags.through.objects.all().delete()
    Purchase.objects.all().delete()
    Contact.objects.exclude(merged_into=None).delete()
    Contact.objects.all().delete()
    tags = {name: tag_named(name) for name in TAGS}
    people = Contact.objects.bulk_create([p.create(now, n) for n, p in enumerate(crowd)])
    cards = [p.card(c, n) for n, (p, c) in enumerate(zip(crowd, people, strict=True), 1)]
    Card.objects.bulk_create([card for card in cards if card])
    worn = Contact.tags.through
    worn.objects.bulk_create(
        worn(contact=c, tag=tags[name])
        for p, c in zip(crowd, people, strict=True)
        for name in p.tags
    )
    for person, contact in zip(crowd, people, strict=True):
        buyer = ContactFactory(phone="", merged_into=contact) if person.aliased else contact
        for number, one in enumerate(person.bought):
            one.create(buyer, now, f"{contact.pk}:{number}")
    SPENDING.keep([contact.pk for contact in people])
    return list(zip(crowd, people, cards, strict=True))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(persons, max_size=12),
    st.lists(criteria_dicts, min_size=4, max_size=4),
    st.lists(rules, min_size=4, max_size=4),
    st.sampled_from(MOMENTS),
)
def test_the_database_names_whom_a_plain_reading_of_the_rules_names(
    shop, crowd, choices, alone, moment
):
    now = timezone.make_aware(moment)
    ProgrammeFactory(goal=10)
    shops = _fill(crowd, now)
    plain = Plain(now, 10)
    for data in [*choices, *({"groups": [{"match": "all", "rules": [rule]}]} for rule in alone)]:
        expected = {contact.pk for p, contact, card in shops if plain.named(data, p, card, contact)}
        found = list(people(Criteria.read(data), now).values_list("pk", flat=True))
        assert len(found) == len(set(found))
        assert set(found) == expected, data


def test_a_kept_segment_keeps_its_name_to_itself(shop):
    kept = keep_segment("Habitués  absents ", Criteria.read(ABSENT), TEAM)
    assert kept.name == "Habitués absents"
    with pytest.raises(NameTaken):
        keep_segment("habitués absents", Criteria.read(ABSENT), TEAM)
    changed = keep_segment("Absents", Criteria.read(ABSENT), TEAM, kept.pk)
    assert (changed.pk, changed.name) == (kept.pk, "Absents")


def test_a_segment_that_a_draft_uses_is_not_deleted_and_the_draft_is_named(shop):
    kept = keep_segment("Absents", Criteria.read(ABSENT), TEAM)
    drop = campaigns.create(TEAM, written={"title": "Arrivage"}, segment=kept)
    with pytest.raises(SegmentInUse) as refusal:
        delete_segment(kept.pk, TEAM)
    assert "« Absents » sert encore à « Arrivage »" in str(refusal.value)
    campaigns.discard(drop.pk)
    delete_segment(kept.pk, TEAM)
    assert not Segment.objects.exists()


# --- on screen ---------------------------------------------------------------------------


def test_an_empty_list_teaches_and_offers_where_to_start(owner_client):
    page = owner_client.get(LIST).content.decode()
    assert "Composer un segment" in page
    link = re.search(r'href="([^"]+rhythm=2[^"]+)"', page)[1].replace("&amp;", "&")
    page = owner_client.get(link).content.decode()
    assert 'value="En retard sur leur rythme"' in page
    assert "absents depuis plus de deux fois leur intervalle habituel" in page


def test_a_segment_is_composed_button_by_button_without_javascript(owner_client):
    ContactFactory.create_batch(2)
    page = owner_client.post(NEW, {"g0": "all", "act": "add:0:visits"}).content.decode()
    assert 'name="g0r0_least"' in page
    typed = {"g0": "all", "g0r0": "visits", "g0r0_least": "0", "g0r0_most": "0"}
    page = owner_client.post(NEW, {**typed, "act": "group"}).content.decode()
    assert 'name="g1"' in page
    page = owner_client.post(NEW, {**typed, "g1": "any", "act": "add:1:ready"}).content.decode()
    two = {**typed, "g1": "any", "g1_not": "1", "g1r0": "ready", "name": "Jamais venus"}
    page = owner_client.post(NEW, {**two, "act": "count"}).content.decode()
    assert ">2</b>" in page
    assert owner_client.post(NEW, {**two, "act": "save"}).url == LIST
    kept = Segment.objects.get()
    assert describe(Criteria.read(kept.criteria)) == (
        "Clients jamais venus, sauf ceux avec une récompense à prendre"
    )
    page = owner_client.post(f"{LIST}{kept.pk}/", {**two, "act": "drop:1:0"}).content.decode()
    assert 'name="g1r0"' not in page


def test_every_criterion_can_be_added_and_is_drawn_with_what_it_asks(owner_client):
    for rule in RULES:
        page = owner_client.post(NEW, {"g0": "all", "act": f"add:0:{rule.key}"}).content.decode()
        assert f'name="g0r0" value="{rule.key}"' in page
        for asked in rule.asked:
            assert asked.widget == "several" or f'name="g0r0_{asked.name}"' in page


def test_a_shop_whose_goods_have_no_colour_is_not_asked_for_one(owner_client):
    page = owner_client.get(NEW).content.decode()
    assert "Dépenses" in page
    assert "Couleur préférée" not in page
    Product.objects.create(name="Morgon", kind="wine", colour="rouge", is_alcohol=True)
    page = owner_client.post(NEW, {"g0": "all", "act": "add:0:colour"}).content.decode()
    assert "n’achètent que" in page
    assert ">Rouge<" in page
    assert "Région préférée" not in page


def test_typing_brings_the_count_the_sentence_and_ten_examples(owner_client):
    ContactFactory.create_batch(12, visits=3)
    typed = {"g0": "all", "g0r0": "visits", "g0r0_least": "3", "g0r0_most": ""}
    page = owner_client.post(NEW, typed, headers=HTMX).content.decode()
    assert "<html" not in page
    assert 'name="g0r0_least"' not in page, "what is being typed is not drawn again"
    assert ">12</b>" in page
    assert "Clients venus au moins 3 fois." in page
    assert page.count("<li") == 10


def test_what_is_wrong_is_said_beside_its_criterion_and_nothing_is_kept(owner_client):
    typed = {"g0": "all", "g0r0": "unseen", "g0r0_days": "0", "name": "X"}
    page = owner_client.post(NEW, typed, headers=HTMX).content.decode()
    assert "Écrivez un nombre de 1 à 3650." in page
    assert "Complétez le critère pour compter." in page
    assert owner_client.post(NEW, {**typed, "act": "save"}).status_code == 422
    answer = owner_client.post(NEW, {"g0": "all", "name": "Tous", "act": "save"})
    assert "Ajoutez au moins un critère" in answer.content.decode()
    assert not Segment.objects.exists()


def test_a_tag_just_added_is_no_mistake_yet(owner_client):
    page = owner_client.post(NEW, {"g0": "all", "act": "add:0:tags"}, headers=HTMX)
    assert "Cochez" not in page.content.decode()


def test_a_segment_filters_the_list_counts_itself_is_copied_and_deleted(owner_client):
    zoe = ContactFactory(first_name="Zoé")
    ContactFactory(first_name="Marc", last_visit_at=timezone.now())
    kept = keep_segment("Absents", Criteria.read(ABSENT), TEAM)
    page = owner_client.get(f"/gestion/clients/?segment={kept.pk}").content.decode()
    assert zoe.full_name in page
    assert "Marc Martin" not in page
    count = owner_client.get(reverse("segment_count", args=[kept.pk])).content.decode()
    assert ">1</b>" in count
    owner_client.post(reverse("segment_copy", args=[kept.pk]))
    owner_client.post(reverse("segment_copy", args=[kept.pk]))
    names = set(Segment.objects.values_list("name", flat=True))
    assert names == {"Absents", "Absents (copie)", "Absents (copie 2)"}
    campaigns.create(TEAM, written={"title": "Arrivage"}, segment=kept)
    page = owner_client.post(reverse("segment_delete", args=[kept.pk]), follow=True)
    assert "sert encore à" in page.content.decode()
    copy = Segment.objects.exclude(pk=kept.pk).first()
    page = owner_client.post(reverse("segment_delete", args=[copy.pk]), follow=True)
    assert "est supprimé" in page.content.decode()


@pytest.mark.parametrize("many", [1, 9])
def test_pages_ask_the_same_questions_however_many(
    owner_client, many, django_assert_max_num_queries
):
    for n in range(many):
        keep_segment(f"Segment {n}", Criteria.read(ABSENT), TEAM)
        CardFactory()
    with django_assert_max_num_queries(8):
        assert owner_client.get(LIST).status_code == 200
    typed = {"g0": "all", "act": "count"}
    for n in range(min(many, 8)):
        typed |= {f"g0r{n}": "tags", f"g0r{n}_names": "bulles"}
    with django_assert_max_num_queries(10):
        assert owner_client.post(NEW, typed).status_code == 200


def test_helpers_and_neighbours_see_no_segment(helper_client, neighbour_client, shop):
    kept = keep_segment("Absents", Criteria.read(ABSENT), TEAM)
    for client in (helper_client, neighbour_client):
        for path in (LIST, NEW, f"{LIST}{kept.pk}/"):
            assert client.get(path).status_code == 403
