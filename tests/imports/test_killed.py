"""An import whose workers are killed -9 in the middle: each line comes in, and comes in once."""

import io

import pytest
from django.core.files.base import File
from django.db.models import F
from django.utils import timezone

from apps.contacts.models import ConsentEvent, Contact
from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.imports.models import ImportLine, ImportRun, ImportState
from apps.imports.services import start, upload
from apps.loyalty.models import Card, Movement
from apps.shops.models import Shop
from tests.core.engine import Engine, kill, standing_in, until
from tests.factories import ProgrammeFactory

LINES, KILLS = 8000, (500, 2500, 4500)
HEADER = "Prénom;Téléphone;Tampons;Accord SMS\n"
OWNER = Actor("team", 1)


@pytest.fixture
def engine(django_db_blocker):
    engine = Engine("imports")
    with django_db_blocker.unblock(), standing_in(engine.database), engine:
        yield engine


@pytest.mark.slow
@pytest.mark.xdist_group("engine")
def test_workers_killed_in_the_middle_lose_no_line_and_bring_none_in_twice(engine, settings):
    settings.MEDIA_ROOT = engine.folder / "media"
    shop, now = Shop.objects.get(slug="cave"), timezone.now()
    text = HEADER + "".join(f"P{n};06 12 {n:06d};3;oui\n" for n in range(LINES))
    with in_schema(shop.schema_name):
        ProgrammeFactory(goal=10)
        file = File(io.BytesIO(text.encode()), "clients.csv")
        run = upload(shop, file, by=OWNER, now=now)
        said = {"tag": "", "consent_origin": "paper"}
        start(run, mapping=run.mapping, options=said, by=OWNER, now=now)
    engine.start(timeout=60)

    def stands(**wanted):
        with in_schema(shop.schema_name):
            return ImportRun.objects.filter(pk=run.pk, **wanted).exists()

    for done in KILLS:
        until(lambda done=done: stands(done__gt=done), f"{done} lines")
        for pid in engine.ordinary():
            kill(pid)
        assert stands(state=ImportState.RUNNING)
    until(lambda: stands(state=ImportState.DONE), "its end")

    with in_schema(shop.schema_name):
        assert stands(done=LINES, total=LINES)
        numbers = ImportLine.objects.filter(run=run, fate="created").values_list("number")
        assert numbers.count() == numbers.distinct().count() == LINES
        assert ImportLine.objects.count() == Contact.objects.count() == LINES
        assert ConsentEvent.objects.filter(state="granted").count() == LINES
        assert Card.objects.filter(balance=3).count() == Movement.objects.count() == LINES
        assert not Movement.objects.exclude(stamps=F("card__balance")).exists()
