"""Workers die and the provider misbehaves, all the time: nothing lost, nothing twice."""

import random
from datetime import time

import pytest

from apps.core.tenancy import in_schema
from apps.messaging.models import Message, Status
from apps.shops.models import Shop
from tests import chaos, environment
from tests.e2e import stack
from tests.factories import ContactFactory
from tests.outbox import post_to

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]
FOLDER = environment.DATA / f"chaos-{environment.WORKER or 'main'}"
DATABASE = f"comptoir_test_chaos_{environment.WORKER or 'main'}"  # a browser may hold the stack's
MANY, KILLS = 400, 6


@pytest.fixture
def shop(django_db_setup, django_db_blocker):
    """In a committed database of its own: the wine merchant, open at any hour."""
    environment.copy_database(environment.BASE, DATABASE)
    with django_db_blocker.unblock(), stack.its_database(8000, DATABASE):
        shop = Shop.objects.get(slug="cave")
        with in_schema(shop.schema_name):
            shop.quiet_until, shop.quiet_from, shop.sundays_allowed = time(0), time.max, True
            shop.save()
            yield shop


def launch(many):
    people = ContactFactory.create_batch(many, agreeing=True)
    post_to(people)


def test_workers_killed_and_a_bad_provider_lose_nothing_and_send_nothing_twice(shop):
    chance = random.Random(7)  # which dies when: another order each run all the same
    launch(MANY)
    with chaos.provider(FOLDER, latency=0.1, faults=0.15) as twilio:
        surroundings = {
            **environment.environment(DATABASE),
            **twilio.settings,
            "WORKERS": "2",
        }
        log = FOLDER / "worker.log"
        with chaos.kept(surroundings, log, chaos.HASTY_WORKER) as (worker,):
            taken = 0

            def go_on():
                nonlocal taken
                worker.keep()
                now = twilio.behave()
                # Each time some more have left, somebody dies.
                if worker.kills < KILLS and now > taken + MANY // 20:
                    worker.kill_one(chance)
                    taken = now
                chaos.rest()

            chaos.until(lambda: not chaos.unsettled(), go_on, 200, log.read_text()[-2000:])
            assert worker.kills == KILLS
        told = chaos.judge(twilio.taken())
    assert sum(told.values()) == MANY
    assert told[Status.SENT] >= MANY * 0.97
    assert Message.objects.filter(tries__gt=1).exists(), "nothing was ever tried again"
