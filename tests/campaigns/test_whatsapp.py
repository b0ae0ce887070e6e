"""A drop and a message that leaves by itself, by WhatsApp."""

from datetime import time
from uuid import uuid4

import pytest
from django.urls import reverse

from apps.campaigns import automatic, services
from apps.campaigns.models import Run, Trial
from apps.contacts.consent import write_consent
from apps.contacts.models import ConsentState
from apps.core.actor import Actor
from apps.messaging.models import Message, Spending, Template
from apps.ops.mailbox import letters
from tests.factories import ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
TEXT = "Bonjour {prénom}, des nouvelles de {boutique} : {texte} Votre carte : {lien}"


@pytest.fixture(autouse=True)
def template(shop, settings, tmp_path):
    """The café's: WhatsApp is open, any hour is good, one template is approved."""
    settings.MAILBOX_DIR = tmp_path
    shop.quiet_until, shop.quiet_from, shop.sundays_allowed = time(0), time.max, True
    shop.sells_alcohol, shop.whatsapp_on = False, True
    shop.save()
    ProgrammeFactory()
    return Template.objects.create(
        title="Nouvelles", category="marketing", text=TEXT, reference="HX1", review="approved"
    )


def typed(template, **more):
    return {
        "title": "Cidre",
        "fallback": "vous",
        "when": "now",
        "use_whatsapp": "on",
        "whatsapp_template": template.pk,
        "whatsapp_words": "le cidre\nest là.",
        **more,
    }


def test_a_drop_is_written_in_a_template_with_the_words_of_the_day(
    owner_client, shop, run_jobs, template
):
    zoe = ContactFactory(first_name="Zoé", ways={"whatsapp": {"consent": "granted"}})
    ContactFactory(agreeing=True)  # by SMS and e-mail alone
    draft = services.create(TEAM, written={"use_sms": False, "use_email": False})
    save = reverse("drop_save", args=[draft.pk])
    assert owner_client.post(save, typed(template)).status_code == 302
    page = owner_client.get(reverse("drop", args=[draft.pk])).text
    assert "le cidre est là. Votre carte" in page
    page = owner_client.get(reverse("drop_launch", args=[draft.pk])).text.replace("\u00a0", " ")
    assert "1 client, 1 WhatsApp, environ 0,12" in page.replace("\u202f", " ")
    agreed = {"token": uuid4(), "people": 1, "segments": 1}
    owner_client.post(reverse("drop_launch", args=[draft.pk]), agreed)
    run_jobs()
    message = Message.objects.get()
    assert (message.to, message.status, message.cost_tenths) == (zoe.phone, "delivered", 120)
    (letter,) = letters()
    assert letter.kind == "WhatsApp"
    assert letter.text.startswith(f"Bonjour Zoé, des nouvelles de {shop.name} : le cidre est là.")
    assert letter.text.endswith("répondez STOP.")


def test_a_test_of_it_goes_to_the_owner_s_own_phone_in_the_approved_template(
    owner_client, shop, run_jobs, template
):
    draft = services.create(TEAM, written={"use_sms": True, "sms_text": "{prénom}, du cidre"})
    save, trial = (reverse(f"drop_{name}", args=[draft.pk]) for name in ("save", "trial"))
    owner_client.post(save, typed(template, use_sms="on", sms_text="{prénom}, du cidre"))
    told = owner_client.post(trial, {"phone": "06 12 34 56 78"}, follow=True).text
    assert "par SMS et par WhatsApp" in told
    run_jobs()
    assert list(Trial.objects.order_by("pk").values_list("channel", "outcome", "to")) == [
        ("sms", "sent", ""),
        ("whatsapp", "sent", ""),
    ]
    assert {letter.kind for letter in letters()} == {"SMS", "WhatsApp"}
    spent = Spending.objects.get(channel="whatsapp", origin="trial")
    assert spent.cost_tenths == 120
    Template.objects.update(review="paused")
    owner_client.post(trial, {"phone": "06 12 34 56 78"})
    run_jobs()
    assert Trial.objects.latest("pk").outcome == "no_template"
    assert not Message.objects.exists()


def test_without_a_template_the_drop_says_what_is_missing(owner_client, template):
    draft = services.create(TEAM, written={"use_sms": False, "use_email": False})
    save = reverse("drop_save", args=[draft.pk])
    owner_client.post(save, typed(template, whatsapp_template=""))
    page = owner_client.get(reverse("drop_launch", args=[draft.pk])).text
    assert "celui à envoyer par WhatsApp" in page


def test_a_welcome_leaves_by_whatsapp(shop, run_jobs, template):
    template.text = "Bonjour {prénom}, bienvenue chez {boutique}. Votre carte : {lien}"
    template.save()
    trigger = automatic.create("welcome", TEAM)
    trigger.use_sms = trigger.use_email = False
    trigger.further = {"whatsapp": {"template": "1", "text": template.text, "used": True}}
    trigger.save()
    automatic.switch_on(trigger.pk, TEAM, shop)
    zoe = ContactFactory(first_name="Zoé")
    own = Actor("customer", zoe.pk)
    write_consent(zoe, "whatsapp", ConsentState.GRANTED, source="card", by=own)
    run_jobs()
    assert Run.objects.get().state == "sent"
    assert Message.objects.get().status == "delivered"
