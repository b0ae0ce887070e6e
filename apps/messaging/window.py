"""For how long a person may be answered freely: since their last word, and not for ever."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Max

from apps.messaging.channels import sending
from apps.messaging.models import Reply


def open_until(channel: str, senders: Iterable[str], now: datetime) -> dict[str, datetime]:
    """Of ``senders``, those who may be answered at ``now``, and until when; one query.

    Their own words say it: a reply is kept with the moment it reached us.
    """
    lasts = sending(channel).answers_within
    if lasts is None:
        return dict.fromkeys(senders, datetime.max.replace(tzinfo=now.tzinfo))
    said = Reply.objects.filter(channel=channel, sender__in=set(senders), at__gt=now - lasts)
    heard = said.order_by().values_list("sender").annotate(Max("at"))
    return {sender: at + lasts for sender, at in heard}
