"""Who follows passes, and how each is told: iPhones by a push, Google's objects written."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from django.db.models import QuerySet

from apps.shops.models import Shop
from apps.wallet import google
from apps.wallet.accounts import account_for
from apps.wallet.identities import identity_for
from apps.wallet.models import Device, GoogleObject
from apps.wallet.providers import google_wallet, pusher
from apps.wallet.providers.base import Answer, Told

NOTICES = 3  # that Google shows of one pass in
WITHIN = timedelta(hours=24)
NO_KEY = Answer(Told.REFUSED, "no key")
Row = TypeVar("Row")


class Followers(Protocol):
    table: str
    batch: int  # so many are asked at once, well within a claim's lease

    def rows(self) -> QuerySet[Any]:
        """All of them in this shop."""

    def ask(self, shop: Shop, rows: Sequence[Any], now: datetime) -> list[Answer]:
        """Tell each, outside any transaction; an answer for each, in their order."""

    def forget(self, row: Any, gone_at: datetime | None) -> None:
        """It follows no more, since then where that is known."""


def _by(
    rows: Sequence[Row], key: Callable[[Row], str], ask: Callable[[str, list[Row]], list[Answer]]
) -> list[Answer]:
    """Asked together where they have the same key; answered in the order of ``rows``."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        groups[key(row)].append(number)
    answers = [NO_KEY] * len(rows)
    for name, numbers in groups.items():
        said: Iterable[Answer] = ask(name, [rows[number] for number in numbers])
        for number, answer in zip(numbers, said, strict=True):
            answers[number] = answer
    return answers


class Phones:
    """iPhones: each is told that something changed, and asks the web service itself."""

    table = Device._meta.db_table
    batch = 500

    def rows(self) -> QuerySet[Device]:
        return Device.objects.all()

    def ask(self, shop: Shop, rows: Sequence[Device], now: datetime) -> list[Answer]:
        def push(pass_type: str, some: list[Device]) -> list[Answer]:
            identity = identity_for(shop, pass_type)
            if identity is None:
                return [NO_KEY] * len(some)
            return pusher().push(identity, [phone.push_token for phone in some])

        return _by(rows, lambda phone: phone.pass_type, push)

    def forget(self, row: Device, gone_at: datetime | None) -> None:
        """Registered again since, with a new token or after that moment, it stays."""
        gone = Device.objects.filter(pk=row.pk, push_token=row.push_token)
        if gone_at is not None:
            gone = gone.filter(registered_at__lte=gone_at)
        if not gone.delete()[0]:
            Device.objects.filter(pk=row.pk).update(due_at=None)


class Objects:
    """Google's objects: each is written anew, and Google tells the phones."""

    table = GoogleObject._meta.db_table
    batch = 60

    def rows(self) -> QuerySet[GoogleObject]:
        return GoogleObject.objects.select_related("held")

    def ask(self, shop: Shop, rows: Sequence[GoogleObject], now: datetime) -> list[Answer]:
        def write(issuer: str, some: list[GoogleObject]) -> list[Answer]:
            account, wallet = account_for(shop, issuer), google_wallet()
            if account is None:
                return [NO_KEY] * len(some)
            common = google.class_of(shop, issuer)
            answer = wallet.write_class(account, common, google.digest(common))
            if answer.told != Told.YES:
                return [answer] * len(some)
            told = [_may_notify(row, now) for row in some]
            bodies = [
                google.object_of(row, shop, notify=notify)
                for row, notify in zip(some, told, strict=True)
            ]
            answers = wallet.write_objects(account, bodies)
            for row, notify, one in zip(some, told, answers, strict=True):
                if notify and one.told == Told.YES:
                    _note_notice(row, now)
            return answers

        return _by(rows, lambda row: row.issuer, write)

    def forget(self, row: GoogleObject, gone_at: datetime | None) -> None:
        GoogleObject.objects.filter(pk=row.pk).delete()


def _lately(row: GoogleObject, now: datetime) -> list[int]:
    return [moment for moment in row.told if moment > (now - WITHIN).timestamp()]


def _may_notify(row: GoogleObject, now: datetime) -> bool:
    """A stamp is said aloud, a new look is not; and Google shows so many a day and no more."""
    return row.hurried and len(_lately(row, now)) < NOTICES


def _note_notice(row: GoogleObject, now: datetime) -> None:
    told = [*_lately(row, now), int(now.timestamp())]
    GoogleObject.objects.filter(pk=row.pk).update(told=told)


FOLLOWERS: tuple[Followers, ...] = (Phones(), Objects())
