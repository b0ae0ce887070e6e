"""What the team sees of sending."""

import pytest
from django.utils import timezone

from apps.messaging import queries
from apps.messaging.models import Alert, Message, Status
from apps.messaging.reasons import say
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
PAGE = "/gestion/messages/envois/"


def message(**fields):
    common = {"channel": "sms", "kind": "commercial", "to": "+33612345678", "body": "Bonjour"}
    cause = f"drop:{Message.objects.count()}"
    contact = fields.pop("contact", None) or ContactFactory()
    return Message.objects.create(**{**common, "contact": contact, "cause": cause, **fields})


def test_an_empty_shop_learns_what_the_page_is_for(owner_client):
    assert "Écrire un Daily Drop" in owner_client.get(PAGE).text


def test_a_failure_is_told_in_french(owner_client):
    message(status=Status.FAILED, reason="30005", body="Arrivage de crémant")
    text = owner_client.get(PAGE).text
    assert "Numéro invalide (30005)" in text
    assert "Arrivage de crémant" in text


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("", ""),
        ("no_answer", "L’opérateur n’a pas répondu : peut-être parti"),
        ("smtp_554", "Refusé par l’opérateur (554)"),
        ("99999", "Refusé par l’opérateur (99999)"),
    ],
)
def test_every_code_has_a_sentence(code, told):
    assert say(code) == told


def test_the_tabs_sort_by_state(owner_client):
    message(status=Status.FAILED, body="Alpha")
    message(status=Status.DELIVERED, body="Beta")
    message(status=Status.UNKNOWN, body="Gamma")
    message(status=Status.SENDING, available_at=timezone.now(), body="Delta")
    shown = {"echecs": "Alpha", "envoyes": "Beta", "incertains": "Gamma", "attente": "Delta"}
    for stage, body in shown.items():
        text = owner_client.get(f"{PAGE}?etat={stage}").text
        assert [b for b in shown.values() if b in text] == [body]
    assert owner_client.get(f"{PAGE}?etat=n%00importe&page=quoi").status_code == 200


def test_the_uncertain_ones_are_explained(owner_client):
    message(status=Status.UNKNOWN, reason="worker_died", body="Gamma")
    message(status=Status.UNKNOWN, available_at=timezone.now(), body="Delta")
    text = owner_client.get(f"{PAGE}?etat=incertains").text
    assert "rien n’est renvoyé" in text
    assert "Envoi interrompu" in text
    assert "Delta" not in text  # the operator never had it: it waits for its next try
    assert "Delta" in owner_client.get(f"{PAGE}?etat=attente").text


def test_an_empty_tab_says_what_that_means(owner_client):
    message(status=Status.DELIVERED)
    assert "Aucun doute" in owner_client.get(f"{PAGE}?etat=incertains").text
    assert "Aucun échec" in owner_client.get(f"{PAGE}?etat=echecs").text


def test_two_hundred_messages_cost_as_few_queries_as_one(
    owner_client, django_assert_max_num_queries
):
    for _ in range(60):
        message(status=Status.DELIVERED)
    Alert.objects.create(code="bad_sms", contact=ContactFactory())
    with django_assert_max_num_queries(10):
        text = owner_client.get(PAGE).text
    assert "Plus anciens" in text
    assert text.count('class="sending"') == 50
    assert owner_client.get(f"{PAGE}?page=2").text.count('class="sending"') == 10


def test_helpers_and_neighbours_see_nothing(helper_client, neighbour_client, visitor):
    for client in (helper_client, neighbour_client):
        assert client.get(PAGE).status_code == 403
    assert visitor.get(PAGE).status_code == 302


def test_an_alert_is_seen_and_goes(owner_client):
    alert = Alert.objects.create(code="bad_sms", contact=ContactFactory(first_name="Zoé"))
    page = owner_client.get(PAGE).text
    assert "Zoé" in page
    assert "à redemander" in page
    path = f"/gestion/messages/alertes/{alert.pk}/"
    assert owner_client.post(path, {"vers": "//ailleurs.fr"}).url == PAGE
    assert queries.alerts() == []
    owner_client.post(path)  # twice is once


def test_an_alert_goes_in_place_with_htmx(owner_client):
    alert = Alert.objects.create(code="stopped_sms", contact=ContactFactory())
    answer = owner_client.post(
        f"/gestion/messages/alertes/{alert.pk}/", headers={"HX-Request": "true"}
    )
    assert '<div id="alertes" hidden data-say=' in answer.text


def test_a_pause_comes_first_and_its_button_tries_again(owner_client, jobs):
    Alert.objects.create(code="bad_sms", contact=ContactFactory())
    pause = Alert.objects.create(code="paused_sms", cause="20003")
    first = queries.alerts()[0]
    assert first.pauses
    assert "crédit épuisé" in first.sentence
    assert "Réessayer maintenant" in owner_client.get(PAGE).text
    owner_client.post(f"/gestion/messages/alertes/{pause.pk}/")
    assert "drain" in jobs()


def test_platform_staff_see_failures_without_a_person(shop):
    contact = ContactFactory(first_name="Bérengère")
    message(contact=contact, status=Status.FAILED, reason="30005", tries=2)
    message(status=Status.DELIVERED)
    (failure,) = queries.failed(shop)
    assert failure.reason == "Numéro invalide (30005)"
    assert "Bérengère" not in repr(failure)
    assert "+336" not in repr(failure)
