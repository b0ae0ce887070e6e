"""Shops with people in them, a team that is signed in, and the gestures of its counter."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connections
from django.middleware.csrf import _get_new_csrf_string, _mask_cipher_secret
from django.utils import timezone
from psycopg import sql

from apps.accounts.models import Membership, Session, User
from apps.accounts.services import mark_verified, open_shop
from apps.accounts.sessions import SessionStore
from apps.contacts.models import Contact
from apps.core.roles import Role
from apps.core.tenancy import in_schema, use_public
from apps.loyalty.models import Card, Programme
from apps.shops.models import Shop
from tests.bench.ground import Ground
from tests.bench.load import Requests, http

CARDS = 200  # a shop's
HELPERS = 3  # a shop's: the hourly limit counts each one's stamps
GOAL = 10
PASSWORD = "un mot de passe pour la mesure"
_COPIED = ("loyalty_programme", "contacts_contact", "loyalty_card")


@dataclass(frozen=True, slots=True)
class Helper:
    """A person of a shop's team, signed in on its host."""

    user: User
    cookie: str
    csrf: str  # as a page's form carries it


@dataclass(frozen=True, slots=True)
class Place:
    """A shop as a browser meets it; its cards are ``1`` to ``CARDS``."""

    shop: Shop
    helpers: Sequence[Helper]


def shops(ground: Ground, count: int) -> list[Place]:
    """The first ``count`` shops of the ground, made when missing, as after a quiet night:
    balances spread over the card, nothing in the ledger, nobody's hour used up."""
    found = list(Shop.objects.filter(slug__startswith="banc-").order_by("slug")[:count])
    if len(found) < count:
        owner = User.objects.filter(email="patron@exemple.fr").first()
        owner = owner or User.objects.create_user("patron@exemple.fr", PASSWORD)
        for number in range(len(found) + 1, count + 1):
            slug = f"banc-{number:04d}"
            found.append(open_shop(user=owner, name=f"Cave {number}", slug=slug))
        _fill(ground, found)
    tidy(ground, found)
    return _sign_in(_team(found))


def team_of(shop: Shop) -> Place:
    """Helpers of a shop that stands already, signed in."""
    (place,) = _sign_in(_team([shop]))
    return place


def _fill(ground: Ground, found: Sequence[Shop]) -> None:
    """People and cards into the first shop, and from there into every other."""
    model = found[0].schema_name
    with in_schema(model):
        if not Programme.objects.exists():
            Programme.objects.create(
                goal=GOAL, reward="Une bouteille", cooldown_minutes=0, helper_hourly_limit=20_000
            )
            people = [_person(number) for number in range(1, CARDS + 1)]
            Contact.objects.bulk_create(people)
            cards = [Card(contact=one, number=1000 + one.pk) for one in people]
            Card.objects.bulk_create(cards)
    with ground.admin() as connection:
        for shop in found[1:]:
            for table in _COPIED:
                names = [sql.Identifier(one, table) for one in (shop.schema_name, model)]
                copy = "INSERT INTO {} SELECT * FROM {} ON CONFLICT DO NOTHING"
                connection.execute(sql.SQL(copy).format(*names))
                sequence = f'"{shop.schema_name}".{table}'
                connection.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [sequence, CARDS]
                )
        connection.execute("ANALYZE")


def _person(number: int) -> Contact:
    first = random.choice(("Camille", "Thomas", "Hélène", "Anaïs", "Loïc", "Zoé", "Inès"))
    return Contact(
        first_name=first,
        last_name=f"Martin{number}",
        phone=f"+336120{number:05d}",
        phone_mobile=True,
        phone_region="FR",
    )


def tidy(ground: Ground, found: Sequence[Shop]) -> None:
    """The ledgers are empty again, no card rests, none has a reward waiting."""
    statements = (
        "DELETE FROM {s}.counter_gesture;"
        "DELETE FROM {s}.loyalty_redemption; DELETE FROM {s}.loyalty_reward;"
        "DELETE FROM {s}.loyalty_movement WHERE undoes_id IS NOT NULL;"
        "DELETE FROM {s}.loyalty_movement; DELETE FROM {s}.audit_entry;"
        "UPDATE {s}.loyalty_card SET balance = id %% {goal}, rewards_ready = 0,"
        " last_stamp_at = NULL WHERE balance <> id %% {goal} OR last_stamp_at IS NOT NULL;"
    ).replace("%%", "%")
    with ground.admin() as connection:
        for shop in found:
            schema = sql.Identifier(shop.schema_name)
            connection.execute(sql.SQL(statements).format(s=schema, goal=sql.Literal(GOAL)))
        connection.execute("TRUNCATE django_q_ormq")


def _team(found: Sequence[Shop]) -> list[tuple[Shop, list[User]]]:
    use_public()
    wanted = [
        [f"vendeur-{turn}@{shop.slug}.exemple.fr" for turn in range(HELPERS)] for shop in found
    ]
    flat = [email for emails in wanted for email in emails]
    known = set(User.objects.filter(email__in=flat).values_list("email", flat=True))
    password = make_password(PASSWORD)
    missing = [email for email in flat if email not in known]
    User.objects.bulk_create([User(email=email, password=password) for email in missing])
    users = {user.email: user for user in User.objects.filter(email__in=flat)}
    for email in missing:
        mark_verified(users[email])
    team = [
        (shop, [users[email] for email in emails])
        for shop, emails in zip(found, wanted, strict=True)
    ]
    roles = [
        Membership(shop=shop, user=user, role=Role.HELPER)
        for shop, people in team
        for user in people
    ]
    Membership.objects.using("owner").bulk_create(roles, ignore_conflicts=True)
    connections["owner"].close()
    return team


def _sign_in(team: Sequence[tuple[Shop, list[User]]]) -> list[Place]:
    places, rows, store = [], [], SessionStore()
    ends = timezone.now() + timedelta(days=1)
    for shop, people in team:
        helpers = []
        for user in people:
            said = {
                "_auth_user_id": str(user.pk),
                "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
                "_auth_user_hash": user.get_session_auth_hash(),
            }
            key, secret = uuid4().hex, _get_new_csrf_string()
            row = Session(
                session_key=key, session_data=store.encode(said), expire_date=ends, user_id=user.pk
            )
            row.schema = shop.schema_name
            rows.append(row)
            cookie = f"{settings.SESSION_COOKIE_NAME}={key}; {settings.CSRF_COOKIE_NAME}={secret}"
            helpers.append(Helper(user, cookie, _mask_cipher_secret(secret)))
        places.append(Place(shop, helpers))
    everybody = [user.pk for _shop, people in team for user in people]
    Session.objects.using("owner").filter(user_id__in=everybody).delete()
    Session.objects.using("owner").bulk_create(rows)
    connections["owner"].close()
    return places


def stamps(places: Sequence[Place], *, htmx: bool = True) -> Requests:
    """A helper of each shop in turn stamps a card: every request with a token of its own."""

    def turn() -> Iterator[bytes]:
        order = list(places)
        while True:
            random.shuffle(order)
            for place in order:
                yield stamp(place, random.randint(1, CARDS), htmx=htmx)

    source = turn()
    return lambda count: [next(source) for _ in range(count)]


def stamp(place: Place, card: int, *, htmx: bool = True) -> bytes:
    """The great button, as the counter's page sends it."""
    helper = random.choice(place.helpers)
    host = f"{place.shop.host}{settings.PORT_SUFFIX}"
    path = f"/comptoir/carte/{card}/tampon/"
    headers = {
        "Cookie": helper.cookie,
        "Origin": f"{settings.SCHEME}://{host}",
        "Accept-Encoding": "gzip, deflate, br",
        **({"HX-Request": "true", "HX-Target": "sheet"} if htmx else {}),
    }
    body = f"csrfmiddlewaretoken={helper.csrf}&token={uuid4()}&amount="
    return http("POST", host, path, headers, body)
