"""What owners are told of their budget: by a mail once, and at their home as long as it is so."""

from dataclasses import dataclass
from datetime import datetime

from django.template.loader import render_to_string
from django.utils.formats import date_format

from apps.accounts.mail import post_letter
from apps.accounts.models import Membership
from apps.contacts.channels import named
from apps.contacts.models import Contact
from apps.core.roles import Role
from apps.core.templatetags.french import euros, jour, nombre
from apps.messaging.budget import BUDGET, PLAN, month_after, the_month
from apps.messaging.models import Flow, Month
from apps.messaging.quality import Rule, refused_shares, rule
from apps.shops.models import Shop
from apps.shops.plans import plan_above, plan_of

PAGE = "/gestion/messages/depenses/"


def month_name(month: Month) -> str:
    """« novembre »."""
    return date_format(month.month, "F")


def of_month(name: str) -> str:
    """« d’avril », « de mai »."""
    return f"d’{name}" if name[0] in "ao" else f"de {name}"


def tell_owners(shop: Shop, percent: int, now: datetime) -> None:
    """A mail to each owner: how much of the month's budget is spent, and what that means."""
    month = the_month(shop, now)
    if month.budget_tenths is None:
        return
    context = {
        "shop": shop,
        "month": of_month(month_name(month)),
        "percent": percent,
        "spent": round(month.taken_tenths / 10),
        "budget": month.budget_tenths // 10,
        "again": month_after(now, shop),
        "page": f"{shop.url}{PAGE}",
    }
    said = "est atteint" if percent >= 100 else f"est dépensé à {percent} %"
    subject = f"{shop.name} : le budget {context['month']} {said}"
    text = render_to_string("messaging/mail/budget.txt", context)
    owners = Membership.objects.filter(shop=shop, role=Role.OWNER).select_related("user")
    for owner in owners:
        post_letter(to=owner.user.email, subject=subject, text=text)


@dataclass(frozen=True, slots=True)
class Notice:
    """One line at the owner's home and in the composers; ``tone`` as ``base.css`` has it."""

    code: str
    sentence: str
    tone: str
    more: str = ""

    @property
    def slows(self) -> bool:
        return self.code.startswith(_SLOW)


_SLOW = "slow_"  # + a channel


def notices(shop: Shop, now: datetime) -> list[Notice]:
    """What limits or slows the shop's messages now; three queries."""
    month, flows = the_month(shop, now), list(Flow.objects.order_by("channel"))
    found = [*_of_budget(month, shop, now), *_of_plan(flows, shop, now)]
    return found + [_of_pace(flow, rule()) for flow in flows if flow.slow_since]


def _of_budget(month: Month, shop: Shop, now: datetime) -> list[Notice]:
    if not month.budget_tenths or not month.told:
        return []
    name = of_month(month_name(month))
    spent, budget = euros(round(month.taken_tenths / 10)), euros(month.budget_tenths // 10)
    if month.told >= 100:
        until = jour(month_after(now, shop))
        sentence = f"Le budget {name} est atteint : {spent} sur {budget}."
        more = (
            f"Les messages commerciaux payants attendent le {until} ou un budget plus élevé ; "
            "e-mails, codes et reçus partent toujours."
        )
        return [Notice(BUDGET, sentence, "bad", more)]
    share = month.taken_tenths * 100 // month.budget_tenths
    sentence = f"Le budget {name} est dépensé à {share}\u00a0% : {spent} sur {budget}."
    more = "À 100\u00a0%, les messages commerciaux payants s’arrêtent."
    return [Notice(BUDGET, sentence, "warn", more)]


def _of_plan(flows: list[Flow], shop: Shop, now: datetime) -> list[Notice]:
    plan = plan_of(shop)
    if plan is None:
        return []
    found, larger = [], plan_above(plan)
    if any(f.closed_for == PLAN and f.closed_until and f.closed_until > now for f in flows):
        most, until = nombre(plan.messages), jour(month_after(now, shop))
        sentence = f"Les {most} e-mails de la formule {plan.name} sont partis ce mois."
        more = f", ou la formule {larger.name} ({nombre(larger.messages)})." if larger else "."
        found.append(Notice(PLAN, sentence, "bad", f"Les suivants attendent le {until}{more}"))
    if (people := Contact.objects.living().count()) > plan.contacts:
        sentence = (
            f"{nombre(people)} clients, quand la formule {plan.name} en comprend "
            f"{nombre(plan.contacts)}."
        )
        needs = "écrivez-nous avant le prochain Daily Drop."
        if larger:
            holds = nombre(larger.contacts)
            needs = f"un Daily Drop a besoin de la formule {larger.name} ({holds})."
        more = f"Tous peuvent encore s’inscrire, les messages automatiques partent ; {needs}"
        found.append(Notice(PLAN, sentence, "warn", more))
    return found


def _of_pace(flow: Flow, asked: Rule) -> Notice:
    reasons = refused_shares(flow.messages, flow.stopped, flow.tried, flow.bounced)
    sentence = (
        f"Ralentir : {' et '.join(reasons)} en {asked.days} jours. "
        f"Vos messages commerciaux {named(flow.channel).by} partent à {asked.slow_per_hour} par "
        "heure."
    )
    return Notice(_SLOW + flow.channel, sentence, "warn", RECOVER)


RECOVER = (
    "Pour retrouver l’allure normale : écrivez moins souvent, d’abord à ceux qui viennent, et "
    "dites qui écrit. Elle revient d’elle-même dès que la part redescend."
)
