"""Joining: a place is kept, and Stripe's page asks for the money that alone makes a member."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.club import story
from apps.club.models import ClubPlan, Handover, Member, State, Waiting
from apps.club.services import planning
from apps.contacts.age import ADULT, age_on
from apps.contacts.consent import ADULT_WORDING
from apps.contacts.models import Channel, Contact, Source
from apps.contacts.services import add_contact, holders_of
from apps.core import due
from apps.core.actor import Actor
from apps.core.phone import Phone
from apps.core.ratelimit import Limit, spend_each
from apps.core.refusal import Refusal
from apps.legal.models import Kind as Text
from apps.legal.queries import in_force
from apps.legal.services import accept
from apps.payments import selling
from apps.payments.models import ShopAccount
from apps.payments.selling import Asked, Sold
from apps.shops.models import Shop

# Stripe closes no page sooner than half an hour after it was made; ours gives the place back later.
PAGE_LASTS, PLACE_LASTS = timedelta(minutes=35), timedelta(minutes=45)
ORDERS_PER_CLIENT = Limit("club:client", 30, 3600)
ORDERS_PER_ADDRESS = Limit("club:address", 8, 24 * 3600)
GIFT_PERIODS = (1, 3, 6, 12)


class Full(Refusal):
    message = _("Toutes les places sont prises. Inscrivez-vous sur la liste d’attente.")


class Minor(Refusal):
    message = _("Le club vend de l’alcool : il est réservé aux personnes de 18 ans et plus.")
    status = 422


class AgeUnsaid(Refusal):
    message = _("Cochez cette case : la loi demande d’avoir 18 ans.")
    status = 422


class TermsUnsaid(Refusal):
    message = _("Acceptez les conditions générales de vente pour commander.")
    status = 422


class NotBrought(Refusal):
    message = _("Cette formule se retire en boutique.")
    status = 422


class NotAGift(Refusal):
    message = _("Cette formule ne s’offre pas pour cette durée.")
    status = 422


@dataclass(frozen=True, slots=True)
class Gift:
    """For whom, for how many periods, and what the giver says."""

    periods: int
    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What someone typed. ``key`` is the form's own UUID, ``turn`` the link of who was in line."""

    key: UUID
    first_name: str
    last_name: str
    email: str
    street: str
    postal_code: str
    city: str
    phone: Phone | None = None
    handover: str = Handover.PICKUP
    adult: bool = False
    birth_date: date | None = None
    language: str = "fr"
    turn: str = ""
    terms: int | None = None  # the version of the terms of sale that they accept
    gift: Gift | None = None


def order(wish: Wish, plan: ClubPlan, *, shop: Shop, client_address: str, now: datetime) -> str:
    """The address of Stripe's page on which the membership is paid; a place is kept meanwhile.

    The same form again is the same page. Raises ``CannotSellYet``, ``PlanGone``, ``Full``,
    ``AgeUnsaid``, ``Minor``, ``TermsUnsaid``, ``NotBrought``, ``NotAGift``, ``TooMany``, what
    ``legal.accept`` raises, and Stripe.
    """
    account = selling.account_of(shop)
    _check(wish, plan, shop, timezone.localdate(now))
    spend_each(
        (ORDERS_PER_CLIENT, client_address), (ORDERS_PER_ADDRESS, wish.email.lower()), now=now
    )
    member = seat(wish, plan, now)
    if member.state != State.JOINING:
        return thanks_url(member, shop)
    # Whom a page was offered before from another tab pays on this one alone.
    for other in _earlier(member):
        selling.close_page(account, other.checkout_id)
    customer = _customer(account, member)
    page = _page(account, member, customer, shop, wish.language)
    Member.objects.filter(pk=member.pk).update(customer_id=customer, checkout_id=page.id)
    return page.url


def _check(wish: Wish, plan: ClubPlan, shop: Shop, today: date) -> None:
    if not plan.is_open:
        raise planning.PlanGone()
    if wish.handover == Handover.SHIPPING and plan.ship_cents is None:
        raise NotBrought()
    if wish.gift and not (plan.is_giftable and wish.gift.periods in GIFT_PERIODS):
        raise NotAGift()
    if wish.terms is None and in_force(Text.SALES):
        raise TermsUnsaid()
    if shop.sells_alcohol:
        check_age(wish.adult, wish.birth_date, today)


def check_age(adult: bool, birth_date: date | None, today: date) -> None:
    """No alcohol is sold or given to who is under 18 (CSP L3342-1)."""
    if birth_date and age_on(today, birth_date) < ADULT:
        raise Minor()
    if not adult and not birth_date:
        raise AgeUnsaid()


@transaction.atomic
def seat(wish: Wish, plan: ClubPlan, now: datetime) -> Member:
    """Under the plan's lock: of two who want the last place one gets it."""
    held = planning.hold(plan.pk)
    standing = Member.objects.filter(key=wish.key).select_related("plan", "contact").first()
    if standing is not None:
        return standing
    turn = _turn(wish, held, now)
    left = planning.places_left(held, now)
    if left == 0 and turn is None:
        raise Full()
    person = person_of(wish, now)
    gift = wish.gift
    shipped = wish.handover == Handover.SHIPPING
    member = Member.objects.create(
        plan=held,
        contact=person,
        giver=person if gift else None,
        key=wish.key,
        price_cents=held.price_cents,
        ship_cents=(held.ship_cents or 0) if shipped else 0,
        handover=wish.handover,
        street=wish.street,
        postal_code=wish.postal_code,
        city=wish.city,
        hold_until=now + PLACE_LASTS,
        asked_at=now,
        gift_periods=gift.periods if gift else None,
        gift_name=gift.name if gift else "",
        gift_words=gift.words if gift else "",
    )
    if wish.terms is not None:
        cause = f"club:{member.pk}"
        accept(Text.SALES, number=wish.terms, contact=person, cause=cause, now=now)
    if turn is not None:
        turn.member, turn.ended_at = member, now
        turn.save(update_fields=["member", "ended_at"])
    story.tell(member, "asked", now=now, by=Actor("customer", person.pk))
    due.note(planning.DUE, now + PLACE_LASTS)
    return member


def _turn(wish: Wish, plan: ClubPlan, now: datetime) -> Waiting | None:
    """The place in line that was kept for them, if their link says so in time."""
    offered = Waiting.objects.filter(plan=plan, ended_at=None, answer_by__gt=now)
    return offered.filter(token=wish.turn).first() if wish.turn else None


def person_of(wish: Wish, now: datetime) -> Contact:
    """Who has this e-mail, or a new record. A number that is another's stays with its holder."""
    holders = holders_of(phone=wish.phone.e164 if wish.phone else "", email=wish.email)
    found = add_contact(
        phone=None if Channel.SMS in holders or Channel.EMAIL in holders else wish.phone,
        email=wish.email,
        first_name=wish.first_name,
        last_name=wish.last_name,
        source=Source.CLUB,
        birth_date=wish.birth_date,
        postal_code=wish.postal_code,
        language=wish.language,
        now=now,
    )
    if wish.adult:
        unsaid = Contact.objects.filter(pk=found.contact.pk, adult_declared_at=None)
        unsaid.update(adult_declared_at=now, adult_wording=ADULT_WORDING)
    return found.contact


def _earlier(member: Member) -> list[Member]:
    """Pages of the same person for the same plan that still could be paid."""
    same = Member.objects.filter(
        plan=member.plan, contact=member.contact, state=State.JOINING, gift_periods=None
    )
    return list(same.exclude(Q(pk=member.pk) | Q(checkout_id=""))) if not member.is_gift else []


def _customer(account: ShopAccount, member: Member) -> str:
    """The person as the shop's account knows them, for this membership alone: to a customer of
    before, Stripe's page offers the card they paid with, whoever typed their e-mail here."""
    person = member.contact
    return member.customer_id or selling.buyer(
        account,
        reference=member.key.hex,
        name=person.full_name,
        email=person.email,
        language=person.language,
    )


def goods_of(member: Member) -> list[Sold]:
    """What is paid for: the bottles, and bringing them; a gift's periods at once."""
    plan, times = member.plan, member.gift_periods or 1
    months = 0 if member.is_gift else plan.every
    found = [Sold(f"club_{plan.pk}", plan.name, member.price_cents * times, months)]
    if member.ship_cents:
        brought = str(_("Livraison"))
        found.append(Sold(f"club_{plan.pk}_ship", brought, member.ship_cents * times, months))
    return found


def thanks_url(member: Member, shop: Shop) -> str:
    """Where Stripe leads back to who has paid."""
    return f"{shop.url}/club/merci/{member.token}/"


def _page(
    account: ShopAccount, member: Member, customer: str, shop: Shop, language: str
) -> selling.Page:
    asked = Asked(
        goods=goods_of(member),
        shop=shop,
        customer=customer,
        reference=member.key.hex,
        language=language,
        # By when the place was kept, not by the clock: asked again it is the same page.
        expires_at=member.asked_at + PAGE_LASTS,
        paid_url=thanks_url(member, shop),
        back_url=f"{shop.url}/club/{member.plan_id}/",
    )
    return (selling.pay_page if member.is_gift else selling.subscribe_page)(account, asked)
