"""The demonstration's season, played through the fake Stripe as through the real one."""

import pytest
from django.utils import timezone

from apps.club.member_models import Answer, Leaving
from apps.club.models import Member, State, Waiting
from apps.contacts.models import Contact
from apps.ops.demo import club

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]


def test_a_season_has_members_in_every_state(shop, stripe, run_jobs):
    now = timezone.now()
    for number in range(30):
        Contact.objects.create(
            first_name=f"Prénom{number}", email=f"p{number}@exemple.fr", adult_declared_at=now
        )
    club.write_plans(1, now)
    assert not club.is_written()
    club.write(shop, now)
    assert club.is_written()
    states = set(Member.objects.values_list("state", flat=True))
    assert set(State) - {State.LEAVING} == states
    assert Waiting.objects.filter(ended_at=None).count() == 3
    gone, going = Leaving.objects.standing().select_related("member").order_by("asked_at")
    assert gone.member.state == State.ENDED, "who gave notice weeks ago is gone"
    assert gone.asked_at < gone.ends_at == gone.member.ended_at < now
    assert going.member.state == State.ACTIVE, "the worker has yet to tell Stripe"
    assert Answer.objects.filter(agrees=None).exists()
    assert abs(stripe.books.ahead) < 60, "Stripe's clock is today's again"
    assert not Member.objects.filter(began_at__gt=timezone.now()).exists()
