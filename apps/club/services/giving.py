"""A gift: paid by one, opened by another, over by itself."""

from datetime import datetime, time

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.club import story
from apps.club.facts import PeriodBegan
from apps.club.models import Handover, Member, State
from apps.club.services.following import held, move, span
from apps.club.services.joining import Wish, check_age, person_of
from apps.club.services.planning import DUE
from apps.core import due
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.refusal import Refusal
from apps.core.tokens import new_token
from apps.shops.models import Shop


class GiftOpened(Refusal):
    message = _("Ce cadeau est déjà ouvert.")


@transaction.atomic
def open_gift(gift: Member, wish: Wish, *, shop: Shop, now: datetime) -> Member:
    """Who was given it makes it theirs: from today on, to their address, and the link is theirs
    alone. Raises ``GiftOpened``, ``Minor``, ``AgeUnsaid``."""
    member = held(gift.pk)
    if member.state != State.GIVEN:
        raise GiftOpened()
    if shop.sells_alcohol:
        check_age(wish.adult, wish.birth_date, timezone.localdate(now))
    member.contact = person_of(wish, now)
    member.token = new_token()  # who gave it knew the first
    if member.handover == Handover.SHIPPING:
        member.street, member.postal_code, member.city = wish.street, wish.postal_code, wish.city
    today = timezone.localdate(now)
    ends = today
    for period in member.periods.order_by("part"):
        period.starts, ends = span(today, member.plan.every, period.part)
        period.ends = ends
        period.save(update_fields=["starts", "ends"])
        announce(PeriodBegan(period.pk))
    member.began_at = now
    member.ends_at = timezone.make_aware(datetime.combine(ends, time()))
    member.period_ends_at = None
    story.tell(member, "opened", now=now, about="gift", by=Actor("customer", member.contact_id))
    move(member, State.GIVEN, State.ACTIVE, now)
    due.note(DUE, member.ends_at)
    return member
