"""The shop's inbox: who wrote, what was said, and the answer that leaves once."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.contacts.models import Contact
from apps.messaging.models import Message, Reply
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
PAGE = "/gestion/messages/recus/"


def wrote(contact=None, body="Vous êtes ouverts lundi ?", minutes=5, **fields):
    common = {"channel": "sms", "sender": contact.phone if contact else "+33699887766"}
    at = timezone.now() - timedelta(minutes=minutes)
    key = uuid.uuid4().hex
    return Reply.objects.create(contact=contact, body=body, at=at, key=key, **{**common, **fields})


def test_an_empty_inbox_says_who_can_answer(owner_client):
    text = owner_client.get(PAGE).text
    assert "arriveront ici" in text
    assert "signé du nom de la boutique ne peut pas recevoir" in text


def test_answers_are_grouped_by_person_the_last_first(owner_client):
    zoe, loic = ContactFactory(first_name="Zoé"), ContactFactory(first_name="Loïc")
    wrote(zoe, "Premier", 30)
    wrote(loic, "Entre deux", 20)
    wrote(zoe, "Dernier", 10)
    text = owner_client.get(PAGE).text
    assert text.count('class="thread fresh"') == 2
    assert text.index("Zoé") < text.index("Loïc")
    assert "Dernier" in text
    assert "Premier" not in text


def test_what_is_not_read_stands_on_the_page_of_messages(owner_client):
    wrote(ContactFactory(first_name="Zoé"), "Gardez-m’en deux")
    assert "Gardez-m’en deux" in owner_client.get("/gestion/messages/").text


def test_opening_a_conversation_is_reading_it(owner_client):
    zoe = ContactFactory(first_name="Zoé")
    wrote(zoe)
    text = owner_client.get(f"{PAGE}{zoe.pk}/").text
    assert "Vous êtes ouverts lundi" in text
    assert not Reply.objects.filter(read_at=None).exists()
    assert "Tout est lu" in owner_client.get(f"{PAGE}?etat=a-lire").text


def test_an_answer_leaves_at_once_by_the_same_way_and_once(owner_client):
    zoe = ContactFactory()
    wrote(zoe)
    form = {"texte": "Oui, dès 10 h.", "token": str(uuid.uuid4())}
    for _ in range(2):
        assert owner_client.post(f"{PAGE}{zoe.pk}/", form).url == f"{PAGE}{zoe.pk}/"
    (message,) = Message.objects.all()
    assert (message.kind, message.channel, message.to) == ("service", "sms", zoe.phone)
    assert message.available_at <= timezone.now()
    text = owner_client.get(f"{PAGE}{zoe.pk}/").text
    assert text.index("ouverts lundi") < text.index("Oui, dès 10 h.")


def test_an_answer_by_mail_keeps_the_subject(owner_client):
    zoe = ContactFactory()
    wrote(zoe, channel="email", sender=zoe.email, subject="Re: Arrivage")
    owner_client.post(f"{PAGE}{zoe.pk}/", {"texte": "Avec plaisir", "token": str(uuid.uuid4())})
    message = Message.objects.get()
    assert (message.channel, message.to, message.subject) == ("email", zoe.email, "Re: Arrivage")


@pytest.mark.parametrize(("typed", "told"), [("  ", "Écrivez votre réponse"), ("a" * 1001, "1000")])
def test_an_answer_that_cannot_leave_keeps_what_was_typed(owner_client, typed, told):
    zoe = ContactFactory()
    wrote(zoe)
    answer = owner_client.post(f"{PAGE}{zoe.pk}/", {"texte": typed, "token": "pas un uuid"})
    assert answer.status_code == 422
    assert told in answer.text
    assert typed in answer.text
    assert not Message.objects.exists()


def test_answering_a_stranger_makes_a_record_that_agreed_to_nothing(owner_client):
    reply = wrote()
    page = f"{PAGE}inconnu/{reply.pk}/"
    assert "créez sa fiche" in owner_client.get(page).text
    owner_client.post(page, {"texte": "Bonjour !", "token": str(uuid.uuid4())})
    made = Contact.objects.get(phone="+33699887766")
    assert (made.sms_consent, made.source) == ("none", "reply")
    assert Message.objects.get().contact == made
    reply.refresh_from_db()
    assert reply.contact == made
    assert owner_client.get(page).url == f"{PAGE}{made.pk}/"


def test_a_stranger_who_got_a_record_since_is_found_in_it(owner_client):
    reply = wrote()
    made = ContactFactory(phone="+33699887766")
    assert owner_client.get(f"{PAGE}inconnu/{reply.pk}/").url == f"{PAGE}{made.pk}/"


def test_a_merged_record_keeps_its_conversation(owner_client):
    kept = ContactFactory(first_name="Zoé")
    old = ContactFactory(merged_into=kept)
    wrote(old, "De mon ancien numéro")
    assert owner_client.get(f"{PAGE}{old.pk}/").url == f"{PAGE}{kept.pk}/"
    assert "De mon ancien numéro" in owner_client.get(f"{PAGE}{kept.pk}/").text
    assert "Zoé" in owner_client.get(PAGE).text


def test_many_conversations_cost_as_few_queries_as_one(owner_client, django_assert_max_num_queries):
    for n in range(60):
        wrote(ContactFactory() if n % 2 else None, sender=f"+3369988{n:04d}")
    with django_assert_max_num_queries(10):
        text = owner_client.get(PAGE).text
    assert text.count('class="thread fresh"') == 50
    zoe = ContactFactory()
    for _ in range(30):
        wrote(zoe)
    with django_assert_max_num_queries(10):
        owner_client.get(f"{PAGE}{zoe.pk}/")


def test_helpers_and_neighbours_read_nobodys_answers(helper_client, neighbour_client, visitor):
    reply = wrote(ContactFactory())
    for path in (PAGE, f"{PAGE}{reply.contact_id}/", f"{PAGE}inconnu/{reply.pk}/"):
        for client in (helper_client, neighbour_client):
            assert client.get(path).status_code == 403
        assert visitor.get(path).status_code == 302
