"""Shops as large as they get, filled by SQL in seconds: people, cards, visits, consents.

Everything is a function of the row's number, so that two runs meet the same shop. Emptied and
filled anew each time, since a bench enrols people and writes messages.
"""

import socket
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from apps.accounts.models import Session, User
from apps.accounts.services import open_shop
from apps.accounts.sessions import SessionStore
from apps.campaigns.keeping import keep
from apps.campaigns.models import Drop
from apps.catalog.services.sums import SPENDING
from apps.contacts.models import Contact
from apps.core.tenancy import in_schema
from apps.loyalty.models import Programme
from apps.shops.models import Shop, Trade
from tests.bench.ground import Ground, Server

YEARS = 2
_TABLES = (
    "loyalty_redemption loyalty_reward loyalty_movement loyalty_joining loyalty_card "
    "messaging_attempt messaging_message contacts_consentevent contacts_contact_tags "
    "contacts_contact contacts_tag campaigns_drop audit_entry "
    "catalog_purchaseline catalog_purchase catalog_product"
)
_PEOPLE = """
INSERT INTO contacts_contact (
  first_name, last_name, search, phone, phone_mobile, phone_region, email, sms_consent,
  email_consent, birth_date, adult_declared_at, adult_wording, postal_code, language, note, source,
  link_token, visits, created_at)
SELECT first, last, lower(first || ' ' || last), '+336' || lpad(n::text, 8, '0'), true, 'FR',
  CASE WHEN n % 3 = 0 THEN 'p' || n || '@exemple.fr' ELSE '' END,
  CASE WHEN n % 50 = 0 THEN 'withdrawn' WHEN n % 41 = 0 THEN 'pending' ELSE 'granted' END,
  CASE WHEN n % 3 = 0 AND n % 2 = 0 THEN 'granted' ELSE 'none' END,
  CASE WHEN n % 4 = 0 THEN date '1950-01-01' + n * 61 % 20000 END,
  now(), '18ans-2026-11', lpad((21000 + n % 900)::text, 5, '0'), 'fr', '', 'poster',
  'link' || lpad(n::text, 18, '0'), 0, now() - (n % 700) * interval '1 day'
FROM (SELECT n, (ARRAY['Camille','Thomas','Anne','Marc','Loïc','Zoé','Inès'])[1 + n % 7] AS first,
  (ARRAY['Martin','Petit','Durand','Leroy','Moreau'])[1 + n % 5] AS last
  FROM generate_series(1, %(people)s) n) AS named
"""
_CARDS = """
INSERT INTO loyalty_card (contact_id, number, token, balance, rewards_ready, created_at)
SELECT id, 1000 + row_number() OVER (ORDER BY id), 'card' || lpad(
  (row_number() OVER (ORDER BY id))::text, 18, '0'), id % 10, (id % 29 = 0)::int, created_at
FROM contacts_contact
"""
# A tenth of the people come no more since a while: the others share the visits evenly.
_VISITS = """
INSERT INTO loyalty_movement (
  card_id, kind, stamps, token, actor_kind, actor_id, at)
SELECT ids[1 + (n::bigint * 7919) % cardinality(ids)], 'earn', 1, gen_random_uuid(), 'team',
  1 + n % 3,
  now() - least(1, (n::float8 / %(visits)s)
    + CASE WHEN (n::bigint * 7919) % 10 = 0 THEN 0.08 ELSE 0 END) * %(days)s * interval '1 day'
FROM generate_series(0, %(visits)s - 1) n,
  (SELECT array_agg(id ORDER BY id) AS ids FROM loyalty_card) AS cards
ORDER BY n DESC
"""
_SUMS = """
WITH seen AS (
  SELECT card_id, count(*) AS visits, min(at) AS first, max(at) AS last
  FROM loyalty_movement GROUP BY 1),
card AS (
  UPDATE loyalty_card c SET last_stamp_at = last FROM seen WHERE seen.card_id = c.id
  RETURNING c.contact_id, seen.visits, seen.first, seen.last)
UPDATE contacts_contact p
SET visits = card.visits, first_visit_at = card.first, last_visit_at = card.last
FROM card WHERE card.contact_id = p.id
"""
_TAGS = """
INSERT INTO contacts_tag (name) VALUES ('Bourgogne'), ('Bulles');
INSERT INTO contacts_contact_tags (contact_id, tag_id)
SELECT p.id, t.id FROM contacts_contact p JOIN contacts_tag t ON p.id %% (2 + t.id) = 0
"""

# Each visit is a ticket of the till, with an article or two on every fourth.
_PURCHASES = """
INSERT INTO catalog_purchase (contact_id, at, amount_cents, source, reference)
SELECT c.contact_id, m.at, 600 + (m.id * 7919) % 9000, 'till', 'T-' || m.id
FROM loyalty_movement m JOIN loyalty_card c ON c.id = m.card_id
"""
_LINES = """
INSERT INTO catalog_purchaseline (purchase_id, reference, label, units, amount_cents, region,
  colour, brand)
SELECT id, n::text, 'Vin', 1 + id % 3, amount_cents / 2,
  (ARRAY['bourgogne','jura','loire','rhone'])[1 + (contact_id + id / 9) % 4],
  (ARRAY['rouge','blanc','rose'])[1 + (contact_id + n * (id / 8 % 5 / 4)) % 3], ''
FROM catalog_purchase, generate_series(0, 1) n WHERE id % 4 = 0
"""

# A drop each week, the newest first, to everybody whose phone may be written to.
_DROPS = """
INSERT INTO campaigns_drop (title, criteria, use_sms, use_email, "both", sms_text, email_subject,
  email_text, fallback, state, launched_at, frozen_at, done_at, left_out, audience_size,
  frozen_up_to, promised, pause_reason, created_at, saved_at)
SELECT 'Arrivage ' || n, '{}', true, false, false, 'Vingt magnums ce soir', '', '', 'cher client',
  'done', at, at, at, '{}', 0, 0, '{}', '', at, at
FROM (SELECT n, now() - n * interval '7 days' AS at FROM generate_series(%(drops)s, 1, -1) n) AS w
"""
_SENT = """
INSERT INTO messaging_message (contact_id, channel, kind, cause, "to", subject, body, html,
  status, tries, segments, cost_tenths, reason, created_at, sent_at, done_at)
SELECT p.id, 'sms', 'commercial', 'drop:' || d.id, p.phone, '', d.sms_text, '',
  CASE WHEN p.id % 40 = 0 THEN 'failed' ELSE 'delivered' END, 1, 1, 560, '', d.launched_at,
  d.launched_at, d.launched_at
FROM campaigns_drop d CROSS JOIN contacts_contact p WHERE p.sms_consent = 'granted'
ORDER BY d.id, p.id
"""


@dataclass(frozen=True, slots=True)
class Big:
    """A filled shop, its owner signed in; cards answer at ``card(1)`` to ``card(people)``."""

    shop: Shop
    people: int
    cookie: str

    @property
    def host(self) -> str:
        return f"{self.shop.host}{settings.PORT_SUFFIX}"

    def card(self, number: int) -> str:
        return f"/c/card{number:018d}/"


def big_shop(ground: Ground, slug: str, *, people: int, visits: int) -> Big:
    """The shop at ``slug`` with so many people and visits over two years, and nobody else."""
    owner = User.objects.filter(email="grande@exemple.fr").first()
    owner = owner or User.objects.create_user("grande@exemple.fr", name="Grande Dupont")
    shop = Shop.objects.filter(slug=slug).first() or open_shop(
        user=owner, name="La Grande Cave", slug=slug, trade=Trade.WINE, sells_alcohol=True
    )
    with in_schema(shop.schema_name):
        if not Programme.objects.exists():
            Programme.objects.create(
                goal=10, reward="Une bouteille", cooldown_minutes=0, helper_hourly_limit=20_000
            )
    with ground.admin() as connection:
        connection.execute(f"SET search_path = {shop.schema_name}")
        connection.execute(f"TRUNCATE {_TABLES.replace(' ', ', ')} RESTART IDENTITY CASCADE")
        numbers = {"people": people, "visits": visits, "days": YEARS * 365}
        for statement in (_PEOPLE, _CARDS, _VISITS, _SUMS):
            connection.execute(statement.replace(" % ", " %% "), numbers)
        connection.execute(_TAGS.replace("%%", "%"))
        connection.execute("VACUUM ANALYZE")
    return Big(shop, people, _signed_in(owner, shop))


def sell(ground: Ground, place: Big) -> None:
    """What was bought on each of the visits, and what each person's record says of it."""
    with ground.admin() as connection:
        connection.execute(f"SET search_path = {place.shop.schema_name}")
        for statement in (_PURCHASES, _LINES):
            connection.execute(statement)
        with in_schema(place.shop.schema_name):
            SPENDING.mend(list(Contact.objects.values_list("pk", flat=True)))
        connection.execute("VACUUM ANALYZE")


def send_drops(ground: Ground, place: Big, drops: int) -> None:
    """So many drops that have gone to everybody who agreed, as the workers leave them."""
    with ground.admin() as connection:
        connection.execute(f"SET search_path = {place.shop.schema_name}")
        connection.execute(_DROPS, {"drops": drops})
        connection.execute(_SENT)
        connection.execute("ANALYZE messaging_message")
        with in_schema(place.shop.schema_name):
            for drop in Drop.objects.all():
                keep(drop.pk)
        connection.execute("VACUUM ANALYZE messaging_message, campaigns_drop")


def _signed_in(user: User, shop: Shop) -> str:
    said = {
        "_auth_user_id": str(user.pk),
        "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
        "_auth_user_hash": user.get_session_auth_hash(),
    }
    with in_schema(shop.schema_name):
        session = Session.objects.create(
            session_key=uuid4().hex,
            session_data=SessionStore().encode(said),
            expire_date=timezone.now() + timedelta(days=1),
            schema=shop.schema_name,
            user_id=user.pk,
        )
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def ask(server: Server, request: bytes, times: int = 1) -> bytes:
    """The answer to one request, the last of ``times``: both workers are then awake."""
    answer = b""
    for _ in range(times):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            with connection.makefile("rb") as file:
                answer = file.read()
        if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 302")):
            raise RuntimeError(f"refused: {answer[:200]!r}")
    return answer
