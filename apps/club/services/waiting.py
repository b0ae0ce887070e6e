"""The line of a plan that is full, and places given back: each is kept for who is first.

``look`` is what the clock does: who left Stripe's page without paying gives the place back, who did
not answer gives theirs to the next, gifts that are over end.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Min
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from apps.club.models import ClubPlan, Member, State, Waiting
from apps.club.services import planning
from apps.club.services.following import follow, held, move
from apps.club.services.planning import DUE
from apps.contacts.models import Channel, Contact
from apps.core import due
from apps.loyalty.merging import living
from apps.messaging.models import Kind
from apps.messaging.services import post
from apps.payments import selling
from apps.payments.models import ShopAccount
from apps.shops.models import Shop
from apps.shops.services import shop_here

KEPT = timedelta(hours=48)  # how long a place is kept for who was in line


@transaction.atomic
def wait(plan: ClubPlan, contact: Contact, now: datetime) -> Waiting:
    """A place at the end of the line; who is in it keeps theirs."""
    try:
        with transaction.atomic():
            found = Waiting.objects.create(plan=plan, contact=contact, asked_at=now)
    except IntegrityError:
        return Waiting.objects.get(plan=plan, contact=contact, ended_at=None)
    offer_places(plan, now)  # one may have been freed between their look and their word
    return found


def is_kept(plan: ClubPlan, token: str, now: datetime) -> bool:
    """Whether the place of the plan that ``token`` names is still kept for who has it."""
    kept = Waiting.objects.filter(plan=plan, token=token, ended_at=None, answer_by__gt=now)
    return bool(token) and kept.exists()


def leave_line(waiting: Waiting, now: datetime) -> None:
    """They want it no more; what was kept for them is the next one's."""
    if Waiting.objects.filter(pk=waiting.pk, ended_at=None).update(ended_at=now):
        offer_places(waiting.plan, now)


@transaction.atomic
def offer_places(plan: ClubPlan, now: datetime) -> int:
    """Keep each free place for who is first in line, and write to them; returns how many."""
    held_plan = planning.hold(plan.pk)
    left = planning.free_places(held_plan, now)
    if not held_plan.is_open:
        return 0
    line = Waiting.objects.filter(plan=held_plan, ended_at=None, offered_at=None)
    first = line.select_related("contact").order_by("asked_at", "pk")
    lucky = list(first if left is None else first[:left])
    for one in lucky:
        one.offered_at, one.answer_by = now, now + KEPT
        one.save(update_fields=["offered_at", "answer_by"])
        _write(one, held_plan, shop_here())
    if lucky:
        due.note(DUE, now + KEPT)
    return len(lucky)


def _write(waiting: Waiting, plan: ClubPlan, shop: Shop) -> None:
    person = living(waiting.contact)
    with translation.override(person.language):
        context = {
            "shop": shop,
            "plan": plan,
            "first_name": person.first_name,
            "until": waiting.answer_by,
            "link": f"{shop.url}/club/{plan.pk}/?place={waiting.token}",
            "leave": f"{shop.url}/club/attente/{waiting.token}/",
        }
        subject = _("%(shop)s : une place vous attend au club") % {"shop": shop.name}
        post(
            contact=person,
            channel=Channel.EMAIL,
            kind=Kind.SERVICE,
            cause=f"club-place:{waiting.pk}",
            subject=subject,
            body=render_to_string("club/mail/place.txt", context),
            expires_at=waiting.answer_by,
        )


# --- the clock -------------------------------------------------------------------------------


def look(now: datetime) -> None:
    """Give back what was kept in vain, and offer what is free. Outside any transaction: Stripe is
    asked before a place is given back."""
    unpaid = Member.objects.filter(state=State.JOINING, hold_until__lte=now)
    account = ShopAccount.objects.filter(shop=shop_here(), left_at=None).first()
    for member in unpaid.exclude(checkout_id=""):
        if account:
            selling.close_page(account, member.checkout_id)
            selling.refresh(account, member.customer_id)
            follow(member.customer_id, now)
    _end_over(now)
    for plan in ClubPlan.objects.open().filter(line__ended_at=None).distinct().order_by("pk"):
        offer_places(plan, now)
    due.settle(DUE, lambda: _next_moment(now))


def _end_over(now: datetime) -> None:
    over = Waiting.objects.filter(ended_at=None, answer_by__lte=now)
    over.update(ended_at=now)
    unpaid = Member.objects.filter(state=State.JOINING, subscription_id="", hold_until__lte=now)
    opened = (State.ACTIVE, State.LEAVING)
    gifts = Member.objects.filter(gift_periods__gte=1, state__in=opened, ends_at__lte=now)
    for query in (unpaid, gifts):
        for pk in query.order_by("pk").values_list("pk", flat=True):
            end(pk, now)


@transaction.atomic
def end(pk: int, now: datetime) -> None:
    """It ends now, unless it has since come to life or ended."""
    member = held(pk)
    before = State(member.state)
    is_over = member.ends_at is not None and member.ends_at <= now
    is_unpaid = before == State.JOINING and bool(member.hold_until and member.hold_until <= now)
    if before != State.ENDED and (is_over or is_unpaid):
        member.ended_at = now
        move(member, before, State.ENDED, now)


def _next_moment(now: datetime) -> datetime | None:
    # Who has a subscription keeps no place by the clock: Stripe ends what is never paid.
    joining = Member.objects.filter(state=State.JOINING, subscription_id="")
    gifts = Member.objects.filter(gift_periods__gte=1, state=State.ACTIVE)
    moments = [
        joining.aggregate(at=Min("hold_until"))["at"],
        Waiting.objects.filter(ended_at=None).aggregate(at=Min("answer_by"))["at"],
        gifts.aggregate(at=Min("ends_at"))["at"],
    ]
    return min((max(at, now + timedelta(minutes=5)) for at in moments if at), default=None)
