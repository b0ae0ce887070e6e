"""A drop with two texts, for tests: written, let go, read."""

import uuid
from datetime import UTC, datetime, timedelta

from apps.campaigns import freezing, services
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Click, Drop, Pick
from apps.contacts.models import ConsentState, Contact
from apps.core.actor import Actor
from apps.messaging.models import Message, Status
from tests.factories import ProgrammeFactory

TEAM = Actor("team", 1)
FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
FIVE = timedelta(hours=5)
WORDS = {"use_email": False, "sms_text": "A {lien}"}
SECOND = {
    "sms_text": "B {lien}",
    "email_subject": "",
    "email_text": "",
    "share": 20,
    "hours": 4,
    "otherwise": Pick.A,
}


def draft(second=None, now=FRIDAY, **written):
    drop = services.create(TEAM, written={**WORDS, **written}, now=now)
    services.save_rival(drop.pk, {**SECOND, **(second or {})})
    return Drop.objects.get(pk=drop.pk)


def launched(shop, now=FRIDAY, second=None, **written):
    drop = draft(second, now, **written)
    return services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, now), now)


def freeze(drop, now=FRIDAY):
    freezing.freeze(drop.pk, str(drop.launch_token), now)
    return Drop.objects.select_related("rival").get(pk=drop.pk)


def crowd(many):
    ProgrammeFactory()
    Contact.objects.bulk_create(
        Contact(
            first_name="Zoé",
            phone=f"+33672{n:06d}",
            phone_mobile=True,
            phone_region="FR",
            sms_consent=ConsentState.GRANTED,
            adult_declared_at=FRIDAY,
        )
        for n in range(many)
    )


def on_trial(shop, many=60, **second):
    """Those of the trial are written to, and their messages have left."""
    crowd(many)
    drop = freeze(launched(shop, second=second))
    Message.objects.update(status=Status.DELIVERED, available_at=None, sent_at=FRIDAY)
    return drop


def readers(drop):
    """Who reads what, by the first letter of their SMS."""
    lines = Message.objects.filter(cause=drop.cause).values_list("contact_id", "body")
    return {person: body[0].lower() for person, body in lines}


def click(drop, text, many):
    theirs = [person for person, read in sorted(readers(drop).items()) if read == text]
    assert len(theirs) >= many
    Click.objects.bulk_create(
        Click(drop=drop, contact_id=person, link="card") for person in theirs[:many]
    )
