"""What staff see of the work: who works, what waits, what died and why; and what they may do."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import Failure, OrmQ

from apps.core import queue
from apps.core.models import JobTry, WorkerProcess
from apps.core.tenancy import use_public
from tests.core import work

pytestmark = pytest.mark.django_db
LIST = "/django_q/failure/"


def dead(number: int = 1, **fields):
    task = f"{work.__name__}.nothing"
    made = {
        "id": f"{number:032d}",
        "name": "messaging.tasks.drain",
        "func": "apps.core.jobs.run",
        "args": ("public", task, 7),
        "kwargs": {"job": "abc123", "request": "req-42"},
        "group": "0:public",
        "result": "LookupError",
        "attempt_count": 5,
        "started": timezone.now() - timedelta(hours=1),
        "stopped": timezone.now(),
        "success": False,
        **fields,
    }
    return Failure.objects.create(**made)


def signed_in(alive: bool = True, **fields):
    use_public()  # where workers stand when they sign
    now = timezone.now()
    made = {"host": "ici", "pid": 12, "supervisor": 11, "is_express": False, "done": 4}
    heard = now if alive else now - timedelta(minutes=1)
    times = {"started_at": now - timedelta(hours=1), "beat_at": heard, "took_at": heard}
    return WorkerProcess.objects.create(
        token="w", memory_kb=96 * 1024, **{**made, **times, **fields}
    )


@pytest.fixture
def now(monkeypatch):
    """The clock stands still: what is told in seconds is exact on a busy machine too."""
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    return moment


def act(browser, action, *chosen, **more):
    form = {"action": action, "_selected_action": [one.pk for one in chosen], **more}
    return browser.post(LIST, form)


def test_the_index_says_what_died_and_that_nobody_works(inside):
    assert "Aucun processus de travail" in inside.get("/").content.decode()
    signed_in()
    dead(1)
    dead(2)
    page = inside.get("/").content.decode()
    assert "Aucun processus de travail" not in page
    assert "2\u00a0travaux abandonnés" in page or "2 travaux abandonnés" in page


def test_a_dead_job_says_everything_but_a_person(inside):
    one = dead(result="ValueError : camille@exemple.fr")
    listed = inside.get(LIST).content.decode()
    shown = inside.get(f"{LIST}{one.pk}/change/").content.decode()
    for page in (listed, shown):
        assert "camille@exemple.fr" not in page
        assert "messaging.tasks.drain" in page
        assert "abc123" in page
    assert "req-42" in shown


def test_an_empty_list_says_what_it_is_for(inside):
    page = inside.get(LIST).content.decode()
    assert "Aucun travail abandonné" in page
    assert "<select" not in page, "there is nothing to act upon"


def test_the_list_names_the_shop_of_each_job_in_as_many_queries(
    inside, shop, other_shop, django_assert_max_num_queries
):
    for number in range(20):
        dead(number, group=f"{number % 3}:{(shop, other_shop)[number % 2].schema_name}")
    dead(21)
    with django_assert_max_num_queries(16):
        page = inside.get(LIST).content.decode()
    for name in (shop.name, other_shop.name, "la plateforme"):
        assert page.count(name) >= 1, name


def test_a_jobs_own_page_retries_it_or_asks_for_a_reason(inside):
    one = dead()
    page = inside.get(f"{LIST}{one.pk}/change/").content.decode()
    assert f'value="retry" formaction="{LIST}"' in page
    assert f'value="take_away" formaction="{LIST}"' in page
    assert f'name="_selected_action" value="{one.pk}"' in page


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("timeout", "trop long"),
        ("signal 11", "processus tué (signal 11)"),
        ("exit 3", "processus tué (exit 3)"),
        ("unreadable", "contenu illisible"),
        ("LookupError", "LookupError"),
    ],
)
def test_how_it_died_is_said_in_french(inside, kind, said):
    dead(result=kind)
    assert said in inside.get(LIST).content.decode()


def test_dead_jobs_are_queued_again_together_in_the_lane_they_had(inside):
    both = dead(1), dead(2)
    act(inside, "retry", *both)
    assert not Failure.objects.exists()
    again = OrmQ.objects.filter(key="0:public").order_by("pk")
    assert [row.task["id"] for row in again] == [one.pk for one in both]
    assert again[0].task["kwargs"] == {"job": "abc123", "request": "req-42"}
    assert LogEntry.objects.filter(change_message="Relancé.").count() == 2
    act(inside, "retry", *both)
    assert again.count() == 2, "a second click finds nothing to do"


def test_a_job_whose_content_nobody_could_read_is_queued_again_as_it_was(inside):
    one = dead(func="", args=("s_cave",), kwargs={"payload": "illisible"}, group="1:s_cave")
    act(inside, "retry", one)
    assert OrmQ.objects.get(key="1:s_cave").payload == "illisible"


def test_a_dead_job_is_taken_away_with_a_reason_that_stays(inside, staff):
    one = dead()
    asked = act(inside, "take_away", one)
    assert "ne sera plus jamais relancé" in asked.content.decode()
    assert act(inside, "take_away", one, reason="  ").status_code == 422
    assert Failure.objects.exists()
    act(inside, "take_away", one, reason="La boutique a fermé.")
    assert not Failure.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (staff, one.pk)
    assert "La boutique a fermé." in inside.get("/admin/logentry/").content.decode()


def test_who_may_only_look_neither_retries_nor_takes_away(inside, staff):
    one = dead()
    staff.is_superuser = False
    staff.save()
    staff.user_permissions.add(Permission.objects.get(codename="view_failure"))
    assert "messaging.tasks.drain" in inside.get(LIST).content.decode()
    page = inside.get(f"{LIST}{one.pk}/change/").content.decode()
    assert "Votre accès permet de lire" in page
    assert "formaction" not in page
    for action in ("retry", "take_away"):
        act(inside, action, one, reason="parce que")
    assert Failure.objects.exists()
    assert not OrmQ.objects.exists()
    assert inside.get("/travail/").status_code == 403


def test_the_page_of_work_names_shops_lanes_and_hands(inside, shop, other_shop, now):
    signed_in()
    for schema in (shop.schema_name, shop.schema_name, other_shop.schema_name):
        queue.put("x", f"1:{schema}", now - timedelta(seconds=90))
    held = OrmQ.objects.latest("pk")
    JobTry.objects.create(job_id=held.pk, tries=1, worker="w", first_at=now, last_at=now)
    page = inside.get("/travail/").content.decode()
    for word in (shop.name, other_shop.name, "ordinaire", "96\u00a0Mo", "90\u00a0s"):
        assert word in page or word.replace("\u00a0", " ") in page, word


def test_the_page_of_work_asks_little_whatever_waits(inside, shop, django_assert_max_num_queries):
    for number in range(30):
        queue.put("x", f"1:s_{number}")
    with django_assert_max_num_queries(16):
        assert inside.get("/travail/").status_code == 200


def test_a_probe_hears_whether_jobs_are_taken(client, now):
    assert client.get("/health/worker").status_code == 503
    signed_in()
    answer = client.get("/health/worker")
    assert answer.json() == {"working": True, "workers": 1, "oldest_due_seconds": 0}
    queue.put("x", "1:public", now - timedelta(seconds=40))
    assert client.get("/health/worker").json()["oldest_due_seconds"] == 40
    WorkerProcess.objects.update(took_at=now - timedelta(minutes=2))
    stuck = client.get("/health/worker")
    assert (stuck.status_code, stuck.json()["working"]) == (503, False)


def test_a_container_hears_it_by_the_exit_code(capsys):
    with pytest.raises(CommandError, match="Aucun processus"):
        call_command("worker_health")
    signed_in()
    with pytest.raises(CommandError, match="Aucun processus"):
        call_command("worker_health")  # on another machine
    call_command("worker_health", "--partout")
    assert "1 processus en vie" in capsys.readouterr().out


def test_a_worker_in_a_long_job_is_alive_though_it_says_nothing(client):
    signed_in(alive=False)
    assert client.get("/health/worker").status_code == 503
    now = timezone.now()
    JobTry.objects.create(job_id=1, tries=1, worker="w", first_at=now, last_at=now)
    assert client.get("/health/worker").status_code == 200
