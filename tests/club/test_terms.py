"""Which terms of sale somebody accepted is kept, word for word; without them nobody orders."""

import re

import pytest
from django.utils import timezone

from apps.club.models import Member
from apps.club.services import joining
from apps.legal.models import Acceptance, Kind, Version
from apps.legal.services import NotInForce
from tests.club.test_pages import a_form

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]


@pytest.fixture
def published(shop):
    """``published(2)``: the second version is in force."""

    def put(number=1):
        return Version.objects.create(
            kind=Kind.SALES, number=number, body="{}", hash=str(number) * 64, at=timezone.now()
        )

    return put


def test_the_version_that_was_shown_is_the_one_that_is_kept(published, make_plan, visitor, account):
    version, plan = published(), make_plan()
    page = visitor.get(f"/club/{plan.pk}/").text
    assert page.index("/cgv/") < page.index("Commander avec obligation de paiement")
    shown = re.search(r'name="version" value="(\d+)"', page)[1]
    refused = visitor.post(f"/club/{plan.pk}/", a_form(version=shown))
    assert (refused.status_code, Member.objects.count()) == (422, 0)
    assert "Acceptez les conditions" in refused.text
    answer = visitor.post(f"/club/{plan.pk}/", a_form(version=shown, terms="on"))
    assert answer.status_code == 302
    member, kept = Member.objects.get(), Acceptance.objects.get()
    assert (kept.version, kept.contact, kept.cause) == (
        version,
        member.contact,
        f"club:{member.pk}",
    )


def test_terms_that_changed_meanwhile_are_read_again(published, make_plan, order):
    published(1)
    published(2)
    plan = make_plan()
    with pytest.raises(NotInForce):
        order(plan, terms=1)
    with pytest.raises(joining.TermsUnsaid):
        order(plan)
    assert not Member.objects.exists()
    order(plan, terms=2)


def test_stripes_silence_keeps_what_was_typed(make_plan, visitor, account, stripe):
    plan = make_plan()
    stripe.down = True
    answer = visitor.post(f"/club/{plan.pk}/", a_form())
    assert answer.status_code == 503
    assert "Stripe ne répond pas" in answer.text
    assert 'value="camille@exemple.fr"' in answer.text
