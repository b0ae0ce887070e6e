"""The card as a phone's wallet shows it: composed here, kept and carried by the wallet's room."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.jobs import enqueue
from apps.loyalty.card_page import Standing
from apps.loyalty.merging import living
from apps.loyalty.models import Card, Reward
from apps.loyalty.services import the_programme
from apps.shops.models import Shop
from apps.wallet import accounts, identities
from apps.wallet import services as wallet
from apps.wallet.faces import Face, Line, Words, words
from apps.wallet.models import Pass

REFRESH = "apps.loyalty.tasks.refresh_pass"
_APPLES = ("iPhone", "iPad", "Macintosh")  # in what a browser says of itself


def face_of(card: Card, shop: Shop) -> Face:
    """What the pass of ``card`` shows. It names nobody: a number, its stamps and its code.

    An alias's shows the card it was joined to, under its own code, which opens that card.
    """
    shown = card if card.contact.merged_into_id is None else _joined_to(card)
    standing = Standing.of(the_programme(), shown.balance)
    ready = Reward.objects.ready().filter(card=shown).order_by("won_at")
    address = f"{shop.url}/c/{card.token}/"
    return Face(
        title=words(lambda: _("Carte de fidélité %(shop)s") % {"shop": shop.name}),
        code=address,
        under_code=words(lambda: _("N° %(number)s") % {"number": shown.number}),
        places=len(standing.holes),
        filled=standing.shown if standing.holes else 0,
        gifts=[hole.number for hole in standing.holes if hole.gift],
        head=[Line("count", words(standing.kind.label), _count(standing))],
        front=[_left(standing), _next(standing)],
        below=_won(list(ready.values_list("label", flat=True))),
        back=[*_prizes(standing), Line("card", words(gettext_lazy("Votre carte")), words(address))],
    )


def _joined_to(card: Card) -> Card:
    return Card.objects.get(contact=living(card.contact))


def _count(standing: Standing) -> Words:
    if standing.holes:
        return words(f"{standing.shown} / {standing.goal}")
    return words(lambda: standing.balance_told)


def _left(standing: Standing) -> Line:
    """How far the next reward is; a phone says it aloud."""

    def said() -> str:
        if standing.left:
            return _("Plus que %(left)s") % {"left": standing.left_told}
        return _("À choisir au comptoir") if standing.kind.is_spent else _("Carte pleine")

    return Line("left", words(gettext_lazy("Votre carte")), words(said), tells=True)


def _next(standing: Standing) -> Line:
    ahead = next((one for one in standing.prizes if not one.reached), standing.prizes[-1])
    return Line("prize", _at(standing, ahead.offer.at), words(ahead.offer.label))


def _prizes(standing: Standing) -> list[Line]:
    """All that may be won, when it is more than one thing."""
    offers = standing.offers if len(standing.offers) > 1 else ()
    return [
        Line(f"prize{number}", _at(standing, offer.at), words(offer.label))
        for number, offer in enumerate(offers)
    ]


def _at(standing: Standing, units: int) -> Words:
    return words(lambda: _("À %(at)s") % {"at": standing.kind.said(units)})


def _won(labels: list[str]) -> list[Line]:
    if not labels:
        return []
    return [Line("won", words(gettext_lazy("C’est gagné")), words(", ".join(labels)), tells=True)]


def refresh(card_id: int, shop: Shop, now: datetime) -> None:
    """The passes of this card, and of those that were joined to it, show it as it is."""
    holder = Q(pk=card_id) | Q(contact__merged_into__card=card_id)
    for held in Card.objects.filter(holder).order_by("pk").values_list("pk", flat=True):
        wallet.show(subject=held, compose=partial(_as_it_is, held, shop), now=now)


def issued(card: Card, shop: Shop, now: datetime, pass_type: str = "") -> Pass:
    """The card's pass, made at the first tap."""
    compose = partial(_as_it_is, card.pk, shop)
    return wallet.issue(subject=card.pk, compose=compose, now=now, pass_type=pass_type)


def _as_it_is(card_id: int, shop: Shop) -> Face:
    return face_of(Card.objects.select_related("contact").get(pk=card_id), shop)


def refresh_all() -> None:
    """The rule has changed, and with it what every pass says."""
    for card_id in wallet.subjects():
        enqueue(REFRESH, card_id, bulk=True)


@dataclass(frozen=True, slots=True)
class Wallet:
    """One that the card's page may offer; ``path`` goes on from the card's address."""

    name: str
    path: str
    ready: bool  # the keys are there


def wallets_for(shop: Shop, user_agent: str) -> list[Wallet]:
    """Those that this browser can know of. A computer's owner may have either in the pocket."""
    offered = []
    if "Android" not in user_agent:
        signed = identities.standing(shop) is not None
        offered.append(Wallet("Apple Wallet", "carte.pkpass", signed))
    if not any(name in user_agent for name in _APPLES):
        kept = accounts.standing(shop) is not None
        offered.append(Wallet("Google Wallet", "google/", kept))
    return offered
