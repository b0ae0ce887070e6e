"""What a member changes by themselves: a rest, an address, what pays."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.club.contract import periods_later
from apps.club.models import Handover, Member, State
from apps.club.services.following import follow
from apps.club.story import tell
from apps.core.actor import Actor
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.invoicing.words import Address
from apps.payments import changing, selling
from apps.shops.services import shop_here

LONGEST_REST = 3  # periods
PAGES = Limit("club-means:member", 20, 3600)
# Of an act's name, its moment: done, undone and done again it is another act for Stripe.
ACT = "%Y%m%d%H%M%S%f"


class CannotRest(Refusal):
    message = _("Seul un abonnement en cours et à jour peut être mis en pause.")


class NotResting(Refusal):
    message = _("Cet abonnement n’est pas en pause.")


class NotBroughtHere(Refusal):
    message = _("Votre formule se retire en boutique.")
    status = 422


class NothingToPayWith(Refusal):
    message = _("Un cadeau est déjà payé : il n’y a pas de moyen de paiement à changer.")


def change_of(member: Member, once: str) -> changing.Change:
    """The member's subscription, as payments changes it. Raises ``CannotSellYet``."""
    account = selling.account_of(shop_here())
    return changing.Change(account, member.customer_id, member.subscription_id, once)


def rest(member: Member, periods: int, *, now: datetime) -> None:
    """No box and no debit for the next ``periods``; then it goes on by itself.

    Raises ``CannotRest``, and what Stripe's silence raises: then nothing has changed.
    """
    ends = member.period_ends_at
    if member.state != State.ACTIVE or ends is None or not 1 <= periods <= LONGEST_REST:
        raise CannotRest()
    # A day before the first debit that is wanted again: Stripe asks for none while it rests.
    until = periods_later(ends, periods * member.plan.every) - timedelta(days=1)
    changing.rest(change_of(member, f"rest:{member.pk}:{now:{ACT}}"), until)
    follow(member.customer_id, now)


def resume(member: Member, *, now: datetime) -> None:
    """It goes on with the next period. Raises ``NotResting``."""
    if member.state != State.PAUSED:
        raise NotResting()
    changing.resume(change_of(member, f"resume:{member.pk}:{now:{ACT}}"))
    follow(member.customer_id, now)


@transaction.atomic
def move(member: Member, address: Address, *, now: datetime) -> bool:
    """The address of parcels and invoices, from the next box on; False when it is the same."""
    held = Member.objects.select_for_update(of=("self",)).get(pk=member.pk)
    if held.address == address:
        return False
    held.street, held.postal_code, held.city = address.street, address.postal_code, address.city
    held.save(update_fields=["street", "postal_code", "city"])
    tell(held, "moved", now=now, by=Actor("customer", held.contact_id))
    return True


def bring(member: Member, handover: str, *, now: datetime) -> None:
    """Fetched or brought, from the next period on, at the plan's price of today for bringing.

    Raises ``NotBroughtHere``, and what Stripe's silence raises: then nothing has changed.
    """
    if handover == member.handover:
        return
    shipped = handover == Handover.SHIPPING
    if shipped and member.plan.ship_cents is None:
        raise NotBroughtHere()
    cents = (member.plan.ship_cents or 0) if shipped else 0
    if member.subscription_id and cents != member.ship_cents:
        once = f"bring:{member.pk}:{now:{ACT}}"
        sold = selling.Sold(
            f"club_{member.plan_id}_ship", str(_("Livraison")), cents, member.plan.every
        )
        changing.bring(change_of(member, once), sold)
    with transaction.atomic():
        kept = Member.objects.filter(pk=member.pk).update(handover=handover, ship_cents=cents)
        kind = "brought" if shipped else "fetched"
        by = Actor("customer", member.contact_id)
        if kept:
            tell(member, kind, now=now, by=by, price_cents=cents)


def means_page(member: Member, *, once: str, back_url: str) -> str:
    """Stripe's page on which another means of payment is given. Raises ``NothingToPayWith``."""
    if not member.subscription_id:
        raise NothingToPayWith()
    spend(PAGES, member.pk)
    change = change_of(member, f"{member.pk}:{once}")
    return changing.means_page(change, language=member.person.language, back_url=back_url)


def use_means(member: Member, page: str, *, now: datetime) -> bool:
    """Back from that page: it pays from now on. The same page again changes nothing more."""
    if not changing.use_means(change_of(member, f"means:{page}"), page):
        return False
    with transaction.atomic():
        by = Actor("customer", member.contact_id)
        tell(member, "means", now=now, about=f"means:{page[-60:]}", by=by)
    follow(member.customer_id, now)
    return True
