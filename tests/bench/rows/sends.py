"""Messages leaving through the real Twilio adapter, to a provider 50 ms away in another process.

All checks on: consent, opposition, cap, hours. The worker is the one production runs. What a send
costs stands beside a bare view that locks, inserts and updates.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import time as hour
from uuid import uuid4

from django.utils import timezone
from psycopg import sql

from apps.accounts.models import User
from apps.accounts.services import open_shop
from apps.campaigns import services as campaigns
from apps.campaigns.estimate import estimate
from apps.contacts.models import ConsentState, Contact
from apps.core.actor import Actor
from apps.core.tenancy import in_schema, use_public
from apps.messaging.models import Kind, Message, Status
from apps.messaging.services import post
from apps.messaging.waking import wake
from apps.shops.models import Shop
from config import processes
from tests import chaos
from tests.bench.ground import FOLDER, Ground, cpu_of, environment
from tests.bench.load import compare
from tests.bench.report import Row
from tests.bench.yardsticks import bare

BACKLOG, SHORT, FIRSTS, CODES = 200_000, 10, 5, 5
WARM, SECONDS, LEAST, CPU_OF_TEN = 4.0, 12.0, 600, 25.0
BY = Actor("system")
_CLEAR = """
TRUNCATE {s}.messaging_attempt, {s}.messaging_message, {s}.messaging_wake CASCADE;
TRUNCATE django_q_ormq, core_jobtry;
UPDATE {s}.contacts_contact SET last_commercial_at = NULL WHERE last_commercial_at IS NOT NULL;
"""
# One text for all, as long as a usual offer.
_BACKLOG = """
INSERT INTO {s}.messaging_message (contact_id, channel, kind, cause, "to", subject, body, html,
    status, available_at, tries, segments, cost_tenths, reason, created_at)
SELECT id, 'sms', 'commercial', 'drop:1', phone, '',
    '24 crémants de Bourgogne ce soir à 12 € au lieu de 15. Réservez au comptoir.' || chr(10)
    || 'Stop: cave.exemple.fr/s/' || link_token, '', 'queued', now(), 0, 0, 0, '', now()
FROM {s}.contacts_contact;
ANALYZE {s}.messaging_message; ANALYZE {s}.messaging_attempt; ANALYZE {s}.contacts_contact;
"""


def measure(ground: Ground) -> Iterator[Row]:
    big, small = _shop("envois-grand", BACKLOG), _shop("envois-petit", SHORT)
    for shop in (big, small):
        _run(ground, _CLEAR, shop)
    with bare(ground) as view:
        yardstick = compare(ground, [view], rounds=3, seconds=2)[view.name].cpu
    with chaos.provider(FOLDER / "twilio") as twilio:
        surroundings = environment(WORKERS="2", **twilio.settings)
        with chaos.kept(surroundings, FOLDER / "worker.log", processes.WORKER) as (worker,):
            yield _first(ground, small, twilio)
            _run(ground, _BACKLOG, big)
            with in_schema(big.schema_name):
                wake()
            yield from _flow(ground, twilio, lambda: cpu_of(worker.process.pid), yardstick)
            yield _behind(ground, small, big)
            yield _code(big)


def _shop(slug: str, many: int) -> Shop:
    """Open at every hour, with ``many`` people who agreed; made once."""
    use_public()
    found = Shop.objects.filter(slug=slug).first()
    if found is None:
        owner, _ = User.objects.get_or_create(email="envois@exemple.fr")
        found = open_shop(user=owner, name="Cave des envois", slug=slug)
    with in_schema(found.schema_name):
        found.quiet_until, found.quiet_from, found.sundays_allowed = hour(0), hour.max, True
        found.save()
        have, now = Contact.objects.count(), timezone.now()
        Contact.objects.bulk_create(
            (_person(number, now) for number in range(have, many)), batch_size=2000
        )
    return found


def _person(number: int, now: object) -> Contact:
    return Contact(
        first_name="Camille",
        phone=f"+3361{number:07d}",
        phone_mobile=True,
        phone_region="FR",
        sms_consent=ConsentState.GRANTED,
        phone_proven_at=now,
        adult_declared_at=now,
    )


def _run(ground: Ground, statements: str, shop: Shop) -> None:
    with ground.admin() as connection:
        connection.execute(sql.SQL(statements).format(s=sql.Identifier(shop.schema_name)))


def _launch(shop: Shop) -> None:
    """« Envoyer maintenant », as the view does it."""
    now = timezone.now()
    with in_schema(shop.schema_name):
        words = {"sms_text": "10 magnums ce soir", "use_sms": True, "use_email": False}
        drop = campaigns.create(BY, written=words)
        campaigns.launch(drop.pk, uuid4(), BY, estimate(drop, shop, now), now)


def _wait(done: Callable[[], bool], patience: float = 60) -> float:
    begin = time.monotonic()
    while not done():
        if time.monotonic() > begin + patience:
            raise RuntimeError(f"nothing came in {patience:.0f} s: see {FOLDER / 'worker.log'}")
        time.sleep(0.01)
    return time.monotonic() - begin


def _first(ground: Ground, shop: Shop, twilio: chaos.Provider) -> Row:
    """From the tap to the first SMS at the provider, nothing else being sent."""
    found = []
    for turn in range(FIRSTS + 1):
        _run(ground, _CLEAR, shop)
        before = twilio.behave()
        _launch(shop)
        waited = _wait(lambda before=before: twilio.behave() > before)
        if turn:  # the first waited for the workers to start
            found.append(waited)
        with in_schema(shop.schema_name):
            _wait(lambda: Message.objects.filter(status=Status.SENT).count() == SHORT)
    usual, worst = statistics.median(found), max(found)
    value = f"{usual:.2f} s, at most {worst:.2f} s"
    return Row("first send after « send now »", "≤ 1 s", value, worst <= 1, {"seconds": found})


def _flow(
    ground: Ground, twilio: chaos.Provider, app: Callable[[], float], yardstick: float
) -> Iterator[Row]:
    time.sleep(WARM)
    before, began = twilio.behave(), time.monotonic()
    app_before, database_before = app(), ground.database_cpu()
    time.sleep(SECONDS)
    sent, took = twilio.behave() - before, time.monotonic() - began
    in_app, in_database = app() - app_before, ground.database_cpu() - database_before
    per_second, cpu = sent / took, (in_app + in_database) * 1000 / max(1, sent)
    figures = {
        "per_second": round(per_second, 1),
        "app_ms": round(in_app * 1000 / max(1, sent), 3),
        "database_ms": round(in_database * 1000 / max(1, sent), 3),
        "bare_write_ms": round(yardstick, 3),
    }
    value = f"{per_second:.0f}/s, {(in_app + in_database) / took:.2f} of two cores"
    good = per_second >= LEAST and in_app + in_database < 2 * took
    yield Row("sends, 2 workers, provider at 50 ms", f"≥ {LEAST}/s", value, good, figures)
    value = f"{cpu * 10:.1f} ms, {cpu / yardstick:.2f} × a bare write each"
    mark = f"≤ {CPU_OF_TEN:.0f} ms"
    yield Row("CPU of 10 sends", mark, value, cpu * 10 <= CPU_OF_TEN, figures)


def _behind(ground: Ground, small: Shop, big: Shop) -> Row:
    """A drop of ten, tapped while another shop's hundred thousand are leaving."""
    found = []
    for _ in range(3):
        with ground.admin() as connection:
            clear = _CLEAR.replace("TRUNCATE django_q_ormq, core_jobtry;", "")
            connection.execute(sql.SQL(clear).format(s=sql.Identifier(small.schema_name)))
        _launch(small)
        with in_schema(small.schema_name):
            found.append(_wait(lambda: Message.objects.filter(status=Status.SENT).count() == SHORT))
    with in_schema(big.schema_name):
        left = Message.objects.filter(available_at__isnull=False).count()
    usual, worst = statistics.median(found), max(found)
    value = f"{usual:.1f} s, at most {worst:.1f} s"
    return Row(
        f"a drop of 10 behind another shop's {BACKLOG:,}",
        "≤ 5 s",
        value,
        worst <= 5 and left > 0,
        {"seconds": found, "left of the other": left},
    )


def _code(big: Shop) -> Row:
    """What a customer asked for, while the same shop's campaign is leaving."""
    found = []
    with in_schema(big.schema_name):
        for turn in range(CODES):
            person = Contact.objects.order_by("-pk")[turn]
            cause = f"card:{turn}"
            post(contact=person, channel="sms", kind=Kind.SERVICE, cause=cause, body="Votre carte")
            its = Message.objects.filter(cause=cause, status=Status.SENT)
            found.append(_wait(its.exists))
        left = Message.objects.filter(available_at__isnull=False).count()
    usual, worst = statistics.median(found), max(found)
    value = f"{usual:.2f} s, at most {worst:.2f} s"
    figures = {"seconds": found, "left": left}
    return Row(
        f"a code behind {BACKLOG:,} offers", "≤ 1 s", value, worst <= 1 and left > 0, figures
    )
