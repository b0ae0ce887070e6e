"""What follows from news of a try: bad numbers, stops, pauses, the next try."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from apps.contacts.channels import named
from apps.contacts.models import Contact, Source
from apps.core.facts import announce
from apps.messaging.browsers import forget
from apps.messaging.facts import LATE, LateNews, SendingPaused, SendingResumed
from apps.messaging.models import PAUSED, Alert, Attempt, Browser, Kind, Message, Status
from apps.messaging.outcome import BAD_ADDRESS, OPTED_OUT, Outcome
from apps.messaging.stops import alert, holder, stop_address
from apps.messaging.waking import wake

PROBE = timedelta(minutes=15)  # how long a refused channel rests before one message asks again


def follow(moved: Sequence[Attempt], outcomes: Mapping[int, Outcome], now: datetime) -> None:
    """Inside ``record``'s transaction, after the rows are written."""
    refused: dict[str, str] = {}
    # In the order in which a claim locks people: two that meet do not wait for each other.
    for attempt in sorted(moved, key=lambda attempt: attempt.message.contact_id):
        message, news = attempt.message, outcomes[attempt.pk]
        if news.gone:
            forget(Browser.objects.filter(endpoint__in=news.gone))
        if attempt.status != Status.FAILED:
            continue
        if news.quota:
            refused[message.channel] = news.code
        else:
            _believe(attempt.code, message, now)
    for channel, code in refused.items():
        _pause(channel, code, now)
    works = {a.message.channel for a in moved if a.status in {Status.SENT, Status.DELIVERED}}
    for channel in works - refused.keys():
        resume(channel, now)
    late = [a.message for a in moved if a.at < now - LATE]
    for cause in sorted({m.cause for m in late if m.kind == Kind.COMMERCIAL}):
        announce(LateNews(cause))
    moments = {a.message.available_at for a in moved} | {a.ask_at for a in moved}
    if later := [at for at in moments if at and at > now]:
        wake(min(later))  # and that drain sees to the next


def _believe(code: str, message: Message, now: datetime) -> None:
    if code in BAD_ADDRESS:
        mark_bad(message.channel, message.to, now)
    elif code in OPTED_OUT:
        stop_address(message.channel, message.to, source=Source.PROVIDER, now=now)


def mark_bad(channel: str, address: str, now: datetime) -> None:
    """The network says that nobody is there: no more commercial messages, and the team is told."""
    found, way = holder(channel, address), named(channel)
    if found is None:
        return
    contact = Contact.objects.select_for_update(no_key=True).get(pk=found.pk)
    if way.bad_at(contact) is None:
        Contact.objects.filter(pk=contact.pk).update(**way.with_bad(contact, now))
        alert(f"bad_{channel}", contact=contact, now=now)


def _open_pause(channel: str) -> Alert | None:
    paused = Alert.objects.filter(code=PAUSED + channel, dismissed_at=None)
    return paused.select_for_update().first()


def _pause(channel: str, code: str, now: datetime) -> None:
    standing = _open_pause(channel)
    if standing is None:
        alert(PAUSED + channel, cause=code, now=now)
        waiting = Message.objects.filter(channel=channel, available_at__isnull=False)
        for cause in waiting.order_by().values_list("cause", flat=True).distinct():
            announce(SendingPaused(cause, channel, code))
    elif standing.at > now - PROBE:
        return  # another worker of this very minute has said it
    else:
        standing.at = now
        standing.save(update_fields=["at"])
    wake(now + PROBE)


def resume(channel: str, now: datetime) -> None:
    """The channel works again, or is to be tried: what waited leaves."""
    standing = _open_pause(channel)
    if standing is None:
        return
    standing.dismissed_at = now
    standing.save(update_fields=["dismissed_at"])
    announce(SendingResumed(channel))
    wake()
