"""What somebody shows at the counter: the code of their open card, or an address that stays (in a
wallet, on paper, in a message). Both are read by somebody of the team; no other door takes one."""

import re
from datetime import datetime

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.tenancy import current_schema
from apps.loyalty import live_code
from apps.loyalty.card_page import card_with
from apps.loyalty.merging import living
from apps.loyalty.models import Card
from apps.loyalty.watch.codes import CodeTwice
from apps.review.services import note

# An address (https://<shop>/c/<token>/), or what stands in it alone.
_CODE = re.compile(
    rf"(?:https?://[^/]+/c/)?([A-Za-z0-9_-]{{22}}|{live_code.PATTERN})/?(?:[?#].*)?\Z"
)
REMEMBERED = 24 * 3600  # seconds


class CodeOver(Refusal):
    message = _(
        "Ce code a plus de deux minutes : c’est peut-être une capture d’écran. Demandez à la "
        "personne d’ouvrir sa carte : le code y est toujours neuf."
    )
    status = 410

    def __init__(self, shown: live_code.Shown) -> None:
        super().__init__()
        self.shown = shown


def card_shown(read: str, *, by: Actor, now: datetime) -> Card | None:
    """The card of a scanned code; None when it opens none. Raises ``CodeOver``.

    One image of a card's screen, scanned on two phones, stands in the list « À vérifier ».
    """
    code = _CODE.match(read)
    if code is None or not code[1].startswith(live_code.SIGN):
        return card_with(code[1]) if code else None
    shown = live_code.read(code[1])
    card = card_numbered(shown.number) if shown else None
    if shown is None or card is None:
        return None
    if not shown.is_fresh(now):
        raise CodeOver(shown)
    _remember(shown, card, by, now)
    return card


def card_numbered(number: int) -> Card | None:
    """The card with this number; an alias's leads to the right one."""
    cards = Card.objects.select_related("contact")
    card = cards.filter(number=number).first()
    if card is not None and card.contact.merged_into_id:
        return cards.get(contact=living(card.contact))
    return card


def _remember(shown: live_code.Shown, card: Card, by: Actor, now: datetime) -> None:
    """Which phone has scanned it: one of the shop's, else the person's own."""
    hand = f"phone:{by.device}" if by.device else f"person:{by.id}"
    seen = f"code:{current_schema()}:{shown.number}:{shown.step}"
    if cache.add(seen, hand, REMEMBERED) or cache.get(seen) == hand:
        return
    note(
        CodeTwice.name,
        f"{shown.number}:{shown.step}",
        at=now,
        contact=card.contact,
        actor_id=by.id,
        device=by.device,
        card=card.pk,
    )
