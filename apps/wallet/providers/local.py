"""The demonstration's: no phone outside this machine is told anything."""

from collections.abc import Sequence

from apps.wallet.identities import Identity
from apps.wallet.providers.base import Answer, Told


class Nobody:
    def push(self, identity: Identity, tokens: Sequence[str]) -> list[Answer]:
        return [Answer(Told.YES) for _token in tokens]
