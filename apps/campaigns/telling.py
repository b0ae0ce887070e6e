"""What the composer and the confirmation say of a drop as it stands."""

from datetime import datetime
from typing import Any

from apps.audience.criteria import describe
from apps.campaigns.affording import outlook
from apps.campaigns.estimate import Shown, estimate
from apps.campaigns.models import Drop, Pick
from apps.campaigns.previews import further_samples, mail_sample, missing_said, samples
from apps.campaigns.ruling import rule
from apps.campaigns.timing import departure, last_day, waves_said
from apps.contacts.models import Channel
from apps.messaging.channels import sending
from apps.messaging.services import HEALTH
from apps.shops.models import Shop


def told_of(found: Drop, shop: Shop, now: datetime) -> dict[str, Any]:
    """Whom it reaches, what it weighs, how it reads, when it leaves."""
    told = estimate(found, shop, now)
    return {
        "told": told,
        "for_whom": describe(found.who),
        "departure": departure(shop, found.send_at, now),
        "outlook": outlook(told, shop, found.send_at or now),
        "waves": waves_said(told.waves, shop, now),
        "last_day": last_day(found, shop, now),
        "samples": samples(found, told, shop),
        "absences": missing_said(found),
        "mail": mail_sample(found, told, shop),
        "further": further_samples(found, told, shop),
        "rule": rule(found, told.drawn),
        "b": _text_b(found, told.rival, shop),
        "sender": sending(Channel.SMS).sender(shop),
        "health": HEALTH if shop.sells_alcohol else "",
    }


def _text_b(found: Drop, told: Shown | None, shop: Shop) -> dict[str, Any] | None:
    """The same of the second text, if there is one."""
    if told is None:
        return None
    text = found.texts[Pick.B]
    lines, mail = samples(text, told, shop), mail_sample(text, told, shop)
    return {"drop": text, "told": told, "samples": lines, "mail": mail}
