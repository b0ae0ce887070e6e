"""Whether a drop may be launched as far as money and the plan go, said in numbers."""

from collections.abc import Collection
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from apps.campaigns.estimate import Estimate
from apps.campaigns.models import LIVE, Drop
from apps.campaigns.queries import results
from apps.contacts.models import Contact
from apps.core.refusal import Refusal
from apps.core.templatetags.french import euros, jour, nombre, prix_rond
from apps.messaging.budget import BUDGET, PLAN, closed, is_included, month_of, the_month
from apps.messaging.channels import sending
from apps.messaging.quality import rule, slow_channels
from apps.messaging.reasons import say
from apps.messaging.telling import month_name, of_month
from apps.shops.models import Shop
from apps.shops.plans import Plan, plan_above, plan_of

LIMITS = (BUDGET, PLAN)  # why a drop may be paused without anybody's doing


class OverBudget(Refusal):
    message = _(
        "Ce message coûterait environ %(cost)s et il reste %(left)s sur les %(budget)s du budget "
        "%(month)s. Écrivez à moins de monde, raccourcissez le SMS, ou relevez le budget dans "
        "Messages, Dépenses."
    )


class TooManyMails(Refusal):
    message = _(
        "Ce message fait %(mails)s e-mails et il en reste %(left)s sur les %(all)s de la formule "
        "%(plan)s ce mois-ci. Écrivez à moins de monde%(larger)s."
    )


class ListTooLong(Refusal):
    message = _(
        "La formule %(plan)s comprend %(most)s clients et vous en avez %(people)s. Rien n’est "
        "perdu et tous peuvent encore s’inscrire ; pour leur écrire à tous%(larger)s."
    )


class StillClosed(Refusal):
    message = _("%(why)s : l’envoi reprendra le %(day)s, ou dès que la limite sera relevée.")


def not_closed(channels: Collection[str], now: datetime) -> None:
    """Raises ``StillClosed`` while a limit holds one of ``channels``."""
    if shut := closed(channels, now):
        raise StillClosed(why=say(shut.why), day=jour(shut.until))


def affordable(told: Estimate, shop: Shop, at: datetime) -> None:
    """Raises ``OverBudget``, ``TooManyMails`` or ``ListTooLong`` for what leaves at ``at``."""
    month, plan = the_month(shop, at), plan_of(shop)
    if told.cost_tenths and month.budget_tenths is not None:
        promised = _promised(shop, at)
        left = max(month.budget_tenths - month.taken_tenths - promised, 0)
        if told.cost_tenths > left:
            aside = f" ({euros(promised // 10)} sont promis à d’autres)" if promised else ""
            raise OverBudget(
                cost=euros(told.cost_cents),
                left=euros(left // 10) + aside,
                budget=euros(month.budget_tenths // 10),
                month=of_month(month_name(month)),
            )
    if plan is None:
        return
    mails = sum(n for channel, n in told.messages.items() if is_included(channel, shop))
    left = max(plan.messages - month.mails, 0)
    if mails > left:
        raise TooManyMails(
            mails=nombre(mails),
            left=nombre(left),
            all=nombre(plan.messages),
            plan=plan.name,
            larger=_larger(plan, ", ou passez à"),
        )
    if (people := Contact.objects.living().count()) > plan.contacts:
        raise ListTooLong(
            plan=plan.name,
            most=nombre(plan.contacts),
            people=nombre(people),
            larger=_larger(plan, ", passez à"),
        )


def _promised(shop: Shop, at: datetime) -> int:
    """What drops that are launched may still cost in the month of ``at``, as was told when they
    were: tenths of a cent."""
    month, owed = month_of(at, shop), 0
    for result in results(Drop.objects.filter(state__in=LIVE)):
        leaves = result.drop.send_at or result.drop.launched_at or at
        if month_of(max(leaves, at), shop) == month:
            owed += max(result.drop.promised.get("cost_tenths", 0) - result.cost_tenths, 0)
    return owed


def outlook(told: Estimate, shop: Shop, at: datetime) -> list[tuple[str, str]]:
    """What launching would leave of the budget, and how long it takes where the pace is slow:
    sentences and their tones, as ``base.css`` has them."""
    said = []
    try:
        affordable(told, shop, at)
    except Refusal as refusal:
        said.append((str(refusal), "bad"))
    else:
        month = the_month(shop, at)
        if told.cost_tenths and month.budget_tenths is not None:
            taken = month.taken_tenths + _promised(shop, at) + told.cost_tenths
            left = euros((month.budget_tenths - taken) // 10)
            budget, name = euros(month.budget_tenths // 10), of_month(month_name(month))
            said.append((f"Il restera {left} sur les {budget} du budget {name}.", "muted"))
    return said + [(sentence, "warn") for sentence in _slowly(told)]


def _slowly(told: Estimate) -> list[str]:
    asked, found = rule(), []
    for channel in slow_channels():
        if count := told.messages.get(channel, 0):
            hours, minutes = divmod(asked.minutes(count), 60)
            lasts = f"{hours} h {minutes:02d}" if hours else f"{minutes} min"
            said = sending(channel).counted(count)
            found.append(
                f"Ralenti : à {asked.slow_per_hour} par heure, les {said} de ce message prendront "
                f"{lasts}, dans les heures permises."
            )
    return found


def _larger(plan: Plan, how: str) -> str:
    found = plan_above(plan)
    if found is None:
        return ", ou écrivez-nous"
    holds = f"{nombre(found.contacts)} clients, {nombre(found.messages)} e-mails par mois"
    return f"{how} la formule {found.name} ({holds}, {prix_rond(found.price_cents)} par mois)"
