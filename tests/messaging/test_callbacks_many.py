"""Many callbacks: one job for all that wait, none lost between two of them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ
from twilio.request_validator import RequestValidator

from apps.messaging import callbacks, outbox, tasks
from apps.messaging.models import Attempt, Callback, Message, Status, Wake
from apps.messaging.outcome import Outcome
from apps.messaging.providers.urls import platform_url
from apps.shops.services import shop_here
from tests.factories import ContactFactory
from tests.outbox import post_to

pytestmark = pytest.mark.django_db
MANY = 12


def handed_over(shop, many=MANY):
    """So many SMS that the provider has taken."""
    post_to(ContactFactory.create_batch(many), kind="service", cause="card:1")
    claims = outbox.claim(shop, many=many)
    taken = [(c.attempt_id, Outcome(Status.SENT, reference="SM1")) for c in claims]
    outbox.record(taken, shop)
    return list(Attempt.objects.order_by("pk").values_list("token", flat=True))


def tell(token, word, code=""):
    payload = {"sid": "SM1", "status": word, "code": code}
    return callbacks.store(shop_here(), "twilio", token, payload)


def statuses():
    return set(Message.objects.values_list("status", flat=True))


def test_one_job_listens_to_all_that_waits(open_hours, jobs):
    tokens = handed_over(open_hours)
    OrmQ.objects.all().delete()
    Wake.objects.all().delete()
    for token in tokens:
        assert tell(token, "delivered")
    assert jobs() == ["apply_callbacks"]
    tasks.apply_callbacks()
    assert statuses() == {Status.DELIVERED}
    assert not callbacks.waiting().exists()


def test_what_comes_after_somebody_listened_has_a_job_of_its_own(open_hours, jobs):
    first, second, *_ = handed_over(open_hours)
    tell(first, "delivered")
    tasks.apply_callbacks()
    OrmQ.objects.all().delete()
    tell(second, "delivered")
    assert jobs() == ["apply_callbacks"]


def test_all_the_news_of_one_try_count_whatever_their_order_in_the_batch(open_hours):
    for words in (
        [("sent", ""), ("delivered", "")],
        [("delivered", ""), ("sent", "")],
        [("undelivered", "30003"), ("delivered", ""), ("sent", "")],
    ):
        (token,) = handed_over(open_hours, 1)[-1:]
        for word, code in words:
            tell(token, word, code)
        tasks.apply_callbacks()
        message = Attempt.objects.get(token=token).message
        assert (message.status, message.available_at) == (Status.DELIVERED, None)
        Message.objects.update(cause="card:0")


def test_a_batch_costs_as_many_statements_as_one(open_hours):
    alone, *others = handed_over(open_hours)
    asked = []
    for tokens in ([alone], others):
        for token in tokens:
            tell(token, "delivered")
        with CaptureQueriesContext(connection) as statements:
            callbacks.apply_waiting(open_hours)
        asked.append(len(statements))
    assert statuses() == {Status.DELIVERED}
    assert asked[1] <= asked[0] <= 20


def test_to_store_one_more_while_a_job_waits_takes_one_statement(
    open_hours, django_assert_num_queries
):
    first, second, third, *_ = handed_over(open_hours)
    tell(first, "delivered")
    tell(second, "delivered")
    with django_assert_num_queries(1):
        tell(third, "delivered")


def test_a_request_more_of_a_shop_takes_one_statement_in_all(
    open_hours, platform_client, settings, django_assert_num_queries
):
    """No session, no transaction of its own, and whose token it is was asked just before."""
    settings.TWILIO_AUTH_TOKEN = "jeton"
    first, second, third, *_ = handed_over(open_hours)

    def post(token):
        path = f"/webhooks/twilio/{open_hours.callback_token}/{token}/"
        fields = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        signed = RequestValidator("jeton").compute_signature(platform_url() + path, fields)
        answer = platform_client.post(path, fields, HTTP_X_TWILIO_SIGNATURE=signed)
        assert answer.status_code == 204

    post(first)
    post(second)
    with django_assert_num_queries(1):
        post(third)
    connection.set_tenant(open_hours)
    assert callbacks.waiting().count() == 3


def test_a_day_late_it_still_counts_and_an_unknown_try_is_refused(open_hours):
    (token,) = handed_over(open_hours, 1)
    assert not tell("A" * 22, "delivered")
    tomorrow = timezone.now() + timedelta(days=1)
    tell(token, "delivered")
    callbacks.apply_waiting(open_hours, tomorrow)
    message = Message.objects.get()
    assert (message.status, message.done_at) == (Status.DELIVERED, tomorrow)
    assert Callback.objects.count() == 1


def test_news_of_what_was_erased_meanwhile_hold_up_nothing(open_hours):
    first, second = handed_over(open_hours, 2)
    tell(first, "delivered")
    tell(second, "delivered")
    Attempt.objects.get(token=first).delete()
    tasks.apply_callbacks()
    assert Attempt.objects.get().message.status == Status.DELIVERED
    assert not callbacks.waiting().exists()


def test_news_whose_job_was_lost_are_found_by_the_sweep(open_hours, run_jobs):
    (token,) = handed_over(open_hours, 1)
    tell(token, "delivered")
    OrmQ.objects.all().delete()
    Callback.objects.update(received_at=timezone.now() - timedelta(minutes=2))
    connection.set_schema_to_public()
    tasks.sweep()
    connection.set_tenant(open_hours)
    run_jobs()
    assert statuses() == {Status.DELIVERED}


def test_while_workers_listen_and_news_arrive_none_is_left_behind(committed):
    """Told from four lines while two workers listen, for real: what is stored has been heard, or
    a job is queued that will."""

    def prepare(_):
        return handed_over(shop_here(), 60)

    (tokens,) = committed(prepare, 1)
    parts = [tokens[n::4] for n in range(4)]

    def tell_or_listen(turn):
        if turn < 4:
            for token in parts[turn]:
                tell(token, "delivered")
        else:
            for _ in range(8):
                tasks.apply_callbacks()

    committed(tell_or_listen, *range(6))
    (left,) = committed(lambda _: callbacks.waiting().count(), 1)
    (jobs,) = committed(
        lambda _: sum("apply_callbacks" in job.task["args"][1] for job in OrmQ.objects.all()), 1
    )
    assert left == 0 or jobs
    committed(lambda _: tasks.apply_callbacks(), 1)
    (told,) = committed(lambda _: (statuses(), callbacks.waiting().count()), 1)
    assert told == ({Status.DELIVERED}, 0)
