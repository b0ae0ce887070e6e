"""People taken for a drop and their lines written, a batch at a time, by two statements.

Nothing of a person passes through Python but what the drop's words say of them. The first
statement locks the next people whom the audience's own rules let through, promises each the first
moment that the shop's cap and the hours where they live allow, and answers with one row for all
who read the same words: their ids. Those words are put together here, as the preview does, with
links that open nothing; the second statement writes the lines, for the moments that were promised,
and puts each one's own links in.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from apps.audience.criteria import Chosen, reachable
from apps.campaigns import personal, rendering, splitting
from apps.campaigns.estimate import reader_without_links
from apps.campaigns.models import Drop
from apps.campaigns.writing import uses
from apps.contacts.channels import every
from apps.contacts.models import Contact
from apps.loyalty.models import Card, Programme
from apps.loyalty.services import give_cards, the_programme
from apps.messaging.clocks import Clocks
from apps.messaging.letter import OPENS_NOTHING
from apps.messaging.models import Kind
from apps.messaging.services import post_selected
from apps.shops.models import Shop

_COMMON = ("text", "given", "family", "stamps")
_TAKE = """
WITH people AS MATERIALIZED ({people} FOR NO KEY UPDATE OF {contact}),
taken AS (
  UPDATE {contact} AS c SET last_commercial_at = goes_at FROM people WHERE c.id = people.id)
SELECT channel, waits, {common}, array_agg(id)::text, max(id), count(*) FILTER (WHERE comes_first)
FROM people CROSS JOIN LATERAL (VALUES {ways}) AS way (channel, goes, comes_first)
WHERE goes GROUP BY channel, waits, {common}
"""
_READERS = f"""
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
  AS words (channel, reason, subject, body, readers)
CROSS JOIN LATERAL unnest(words.readers::bigint[]) AS reader (id)
JOIN {Contact._meta.db_table} AS c ON c.id = reader.id
LEFT JOIN {Card._meta.db_table} AS card ON card.contact_id = c.id
"""
_IN_ORDER = " ORDER BY c.id"
# The card's link first: what then still opens nothing is the link to one's choices.
_CARD = f"replace(words.%s, '/%s/{OPENS_NOTHING}/', '/%s/' || coalesce(card.token, '') || '/')"
_COLUMNS = {
    "contact_id": "c.id",
    "channel": "words.channel",
    "available_at": "c.last_commercial_at",
    "reason": "words.reason",
}


@dataclass(frozen=True, slots=True)
class Readers:
    """Those who read the same words by one channel, at once or later for the same reason; ``ids``
    as PostgreSQL writes an array."""

    channel: str
    waits: str
    text: str  # a key of ``Drop.texts``
    first_name: str
    last_name: str
    stamps: int
    ids: str

    def one(self, programme: Programme) -> Chosen:
        """Any of them, with a card that opens nothing."""
        return Chosen(
            contact_id=0,
            channel=self.channel,
            address="",
            first_name=self.first_name,
            last_name=self.last_name,
            balance=programme.told(self.stamps),
            missing=programme.missing(self.stamps),
            rewards_ready=0,
            card_token="",
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """Some people of a drop; ``up_to`` is the last one's id. ``held`` get nothing (see
    ``personal``), by their ids as PostgreSQL writes arrays."""

    people: int
    up_to: int
    readers: list[Readers]
    written_to: int
    held: list[str]


def take(drop: Drop, shop: Shop, hours: Clocks, many: int) -> Taken:
    """The next ``many`` people of the drop's audience, for it and for no other within the cap.

    Inside the caller's transaction. Two drops at once never both get one person at one moment: the
    second waits for the first and then finds what it promised. Locks in order of id: no deadlock.
    """
    found = reachable(drop.who, drop.channels, shop, hours)
    found = _common(found.filter(pk__gt=drop.frozen_up_to), drop)
    if splitting.rival_of(drop):
        found = found.filter(splitting.turn_of(drop))
    judged = [f"{channel}_is" for channel in drop.channels]
    wanted = found.values("id", "goes_at", "waits", *judged, *_COMMON)
    people, values = wanted[:many].query.sql_with_params()
    statement = _TAKE.format(
        people=people,
        contact=connection.ops.quote_name(Contact._meta.db_table),
        common=", ".join(_COMMON),
        ways=", ".join(_ways(drop)),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    readers = [(Readers(*row[:-2]), row[-1]) for row in rows]
    return Taken(
        people=sum(row[-1] for row in rows),
        up_to=max((row[-2] for row in rows), default=drop.frozen_up_to),
        readers=[same for same, _count in readers if same.channel],
        written_to=sum(count for same, count in readers if same.channel),
        held=[same.ids for same, _count in readers if not same.channel],
    )


def _common(found: "QuerySet[Any]", drop: Drop) -> "QuerySet[Any]":
    """What the drop's words say of a person: what they do not say is the same for all."""
    written = [part for text in drop.texts.values() for part in text.wordings]

    def says(*names: str) -> bool:
        return any(uses(text, name) for text in written for name in names)

    return found.annotate(
        text=splitting.reads_of(drop),
        given=F("first_name") if says("prénom") else Value(""),
        family=F("last_name") if says("nom") else Value(""),
        stamps=Coalesce(F("card__balance"), 0) if says("tampons", "reste") else Value(0),
    )


def _ways(drop: Drop) -> list[str]:
    """By which channels a person is written to: all that reach them, or the first that does.

    Who gets nothing goes the way that has no name.
    """
    held = sooner = personal.is_held_out(drop, "id")
    ways = [f"('', {held}, {held})"] if drop.hold_out else []
    for channel in drop.channels:
        yes = f"{channel}_is = 'yes'"
        comes_first = f"{yes} AND NOT ({sooner})"
        goes = f"{yes} AND NOT ({held})" if drop.both else comes_first
        ways.append(f"('{channel}', {goes}, {comes_first})")
        sooner = f"{sooner} OR {yes}"
    return ways


def write(drop: Drop, taken: Taken, shop: Shop, hours: Clocks) -> None:
    """Their lines into the outbox, in order of their ids, each with their own links."""
    readers, texts = taken.readers, drop.texts
    ids = [same.ids for same in readers]
    if any(rendering.needs_card(words) for words in texts.values()):
        known = {int(pk) for same in ids for pk in same.strip("{}").split(",")}
        give_cards(sorted(known), hours.now)
    programme, nobody = the_programme(), reader_without_links()
    subjects, bodies = [], []
    for same in readers:
        person = same.one(programme)
        words = texts[same.text]
        subjects.append(rendering.subject(words, same.channel, person, shop))
        bodies.append(rendering.text(words, same.channel, person, nobody, shop))
    ways, waits = [same.channel for same in readers], [same.waits for same in readers]
    shared = {
        "kind": Kind.COMMERCIAL,
        "cause": drop.cause,
        "created_at": hours.now,
        "expires_at": hours.until,
    }
    own, source = _texts(drop), _READERS
    values: list[Any] = [ways, waits, subjects, bodies, ids]
    if drop.offer:
        personal.give(drop, taken.written_to, ids)
        own = {name: personal.with_code(text) for name, text in own.items()}
        source, values = source + personal.JOINED, [*values, drop.pk]
    if taken.held:
        personal.hold(drop, taken.held)
    post_selected({**_COLUMNS, "to": _to(), **own}, shared, source + _IN_ORDER, values)


def _to() -> str:
    """Where a line goes, in SQL."""
    ways = " ".join(f"WHEN '{way.name}' THEN c.{way.address}" for way in every())
    return f"CASE words.channel {ways} END"


def _texts(drop: Drop) -> dict[str, str]:
    """The words of a line in SQL, with the person's own links."""
    door = drop.door
    subject, body = (_CARD % (name, door, door) for name in ("subject", "body"))
    return {"subject": subject, "body": f"replace({body}, '{OPENS_NOTHING}', c.link_token)"}
