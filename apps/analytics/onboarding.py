"""The first steps of a shop, each done when the facts say so, or the owner where only they can."""

from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef

from apps.accounts.models import Invitation, Membership
from apps.campaigns.models import Drop, State
from apps.core.roles import Right, Role, may
from apps.loyalty.models import Programme
from apps.shops.models import DEFAULT_ACCENT, Shop

HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist; ``tick`` is the button for what no fact can show.

    ``mine``: the reader's role has the ``right`` the step takes, so it may lead there.
    """

    key: str
    title: str
    why: str
    link: str
    action: str
    right: Right
    tick: str = ""
    done: bool = False
    ticked: bool = False
    mine: bool = True


STEPS = (
    Step(
        "look",
        "Votre logo et votre couleur",
        "Ils habillent la carte, l’affiche et vos messages.",
        "/gestion/reglages/",
        "Choisir",
        Right.SHOP_SETTINGS,
        tick="Garder la couleur proposée",
    ),
    Step(
        "alcohol",
        "Vendez-vous de l’alcool ?",
        "Si oui, la mention sanitaire et l’âge sont gérés pour vous.",
        "/gestion/reglages/",
        "Répondre",
        Right.SHOP_SETTINGS,
    ),
    Step(
        "programme",
        "Le programme de fidélité",
        "Combien de tampons, pour quelle récompense.",
        "/gestion/fidelite/",
        "Choisir",
        Right.LOYALTY_RULES,
    ),
    Step(
        "poster",
        "L’affiche à poser au comptoir",
        "Vos clients la scannent et ont leur carte en vingt secondes.",
        "/gestion/fidelite/supports/",
        "Imprimer",
        Right.LOYALTY_RULES,
        tick="Elle est posée",
    ),
    Step(
        "team",
        "Inviter un vendeur, une vendeuse",
        "Chacun tamponne depuis son téléphone.",
        "/gestion/equipe/",
        "Inviter",
        Right.INVITE_HELPERS,
        tick="Je travaille sans équipe",
    ),
    Step(
        "message",
        "Un premier message",
        "Ce qui arrive ce soir, dit à ceux qui l’attendent.",
        "/gestion/messages/nouveau/",
        "Écrire",
        Right.WRITE_DROPS,
    ),
)
TICKABLE = {step.key: step.right for step in STEPS if step.tick}


@dataclass(frozen=True, slots=True)
class Checklist:
    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        return sum(step.done for step in self.steps)

    @property
    def total(self) -> int:
        return len(self.steps)

    @property
    def finished(self) -> bool:
        return self.done == self.total


def checklist(shop: Shop, role: str) -> Checklist | None:
    """What is done and what is next for a person of ``role``, in one query; None once put away."""
    if HIDDEN in shop.steps_done:
        return None
    helpers = Membership.objects.filter(shop=OuterRef("schema_name")).exclude(role=Role.OWNER)
    invited = Invitation.objects.filter(shop=OuterRef("schema_name"), revoked_at=None)
    launched = Drop.objects.exclude(state__in=[State.DRAFT, State.SCHEDULED])
    asked = Shop.objects.filter(pk=shop.pk)
    programme, message, with_helper, with_invitation = asked.values_list(
        Exists(Programme.objects.all()),
        Exists(launched.filter(audience_size__gt=0)),
        Exists(helpers),
        Exists(invited),
    ).get()
    facts = {
        "look": bool(shop.logo) or shop.accent != DEFAULT_ACCENT,
        "alcohol": shop.sells_alcohol is not None,
        "programme": programme,
        "team": with_helper or with_invitation,
        "message": message,
    }
    return Checklist(tuple(_judged(step, facts, shop, role) for step in STEPS))


def _judged(step: Step, facts: dict[str, bool], shop: Shop, role: str) -> Step:
    ticked = step.key in shop.steps_done
    fact = facts.get(step.key, False)
    mine = may(role, step.right)
    return replace(step, done=fact or ticked, ticked=ticked and not fact, mine=mine)
