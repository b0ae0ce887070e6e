"""Messages put into the outbox, for tests that look at what comes of them."""

from collections.abc import Iterable

from apps.contacts.models import Contact
from apps.messaging.services import post


def post_to(
    people: Iterable[Contact],
    *,
    cause: str = "drop:1",
    kind: str = "commercial",
    body: str = "Bonjour",
) -> None:
    """One SMS to each, once for the cause."""
    for person in people:
        post(contact=person, channel="sms", kind=kind, cause=cause, body=body)
