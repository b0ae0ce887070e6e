"""From the platform's sign-in to a shop's host: a signed word, good once and for a minute.

The shop's host first leaves a random state in the browser's cookie and sends its hash along;
the word carries that hash. So a link made for one browser signs nobody else in.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import SpentHandover, User
from apps.core.network import safe_path
from apps.core.refusal import Refusal
from apps.core.tokens import new_token

SALT = "comptoir.handover"
SECONDS = 60


class HandoverRefused(Refusal):
    message = _("Ce passage a expiré ou a déjà servi. Recommencez depuis la page de connexion.")
    status = 403


@dataclass(frozen=True, slots=True)
class Arrival:
    user: User
    path: str


def state_hash(state: str) -> str:
    """What may be seen in an address of the state that only the browser's cookie holds."""
    return hashlib.sha256(state.encode()).hexdigest()[:32]


def make_word(*, user: User, schema: str, state: str, path: str) -> str:
    """``state`` is the hash that came along; ``path`` where the person goes on arrival."""
    word = {"u": user.pk, "s": schema, "n": new_token(), "e": state, "p": safe_path(path)}
    return signing.dumps(word, salt=SALT)


def read_word(word: str, *, schema: str, state: str) -> Arrival:
    """Spend the word; ``state`` is the cookie's. Raises ``HandoverRefused`` when late,
    foreign, altered or used."""
    try:
        said = signing.loads(word, salt=SALT, max_age=SECONDS)
    except signing.BadSignature as error:
        raise HandoverRefused() from error
    if said["s"] != schema or not state or said["e"] != state_hash(state):
        raise HandoverRefused()
    try:
        with transaction.atomic():
            SpentHandover.objects.create(nonce=said["n"])
    except IntegrityError as error:
        raise HandoverRefused() from error
    user = User.objects.filter(pk=said["u"], is_active=True).first()
    if user is None:
        raise HandoverRefused()
    return Arrival(user, said["p"])


def forget_spent() -> None:
    """Recurring: a word is refused by its age long before its nonce is forgotten."""
    SpentHandover.objects.filter(spent_at__lt=timezone.now() - timedelta(days=1)).delete()
