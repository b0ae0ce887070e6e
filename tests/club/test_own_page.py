"""A member's own page: opened by a link and a code, and what is changed there."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.club import care, contract
from apps.club.member_models import Answer, DoorCode
from apps.club.models import Member, MemberEvent
from apps.club.services import door, renewing, repricing
from apps.core.actor import SYSTEM
from apps.core.templatetags.french import jour
from apps.invoicing.models import Invoice
from apps.loyalty.services import card_of
from apps.messaging.models import Message
from tests.club.conftest import again
from tests.club.test_leaving import word
from tests.conftest import ShopClient

pytestmark = pytest.mark.django_db


def last(cause):
    return Message.objects.filter(cause__startswith=cause).latest("pk")


@pytest.fixture
def path(lea):
    return f"/club/m/{lea.token}/"


@pytest.fixture
def inside(visitor, path):
    """Léa's browser, in which her page is open."""
    visitor.post(f"{path}code/", {"canal": "email"})
    code = re.search(r"\b\d{6}\b", last("club-code").body)[0]
    assert visitor.post(f"{path}ouvrir/", {"code": code})["Location"] == path
    return visitor


# --- the door ------------------------------------------------------------------------------


def test_the_link_alone_shows_nothing_of_anybody(lea, visitor, path):
    page = visitor.get(path).content.decode()
    assert "l•••@exemple.fr" in page
    for secret in ("rue des Clercs", "32,00", "lea@exemple.fr", "Découverte"):
        assert secret not in page


def test_the_code_opens_the_page_once_and_in_this_browser_alone(lea, inside, path, shop):
    page = inside.get(path).content.decode()
    assert "Découverte" in page
    assert contract.reference_of(lea) in page
    assert "Découverte" not in ShopClient(shop).get(path).content.decode()
    code = re.search(r"\b\d{6}\b", last("club-code").body)[0]
    assert ShopClient(shop).post(f"{path}ouvrir/", {"code": code}).status_code == 422


def test_a_wrong_code_is_refused_and_guessing_ends(lea, visitor, path):
    visitor.post(f"{path}code/", {"canal": "email"})
    right = re.search(r"\b\d{6}\b", last("club-code").body)[0]
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    for _ in range(door.TRIES):
        answer = visitor.post(f"{path}ouvrir/", {"code": wrong})
        assert answer.status_code == 422
    assert visitor.post(f"{path}ouvrir/", {"code": right}).status_code == 422


def test_a_code_is_kept_by_nobody_and_ends(lea, visitor, path):
    visitor.post(f"{path}code/", {"canal": "email"})
    code = re.search(r"\b\d{6}\b", last("club-code").body)[0]
    assert code not in str(DoorCode.objects.values().get())
    DoorCode.objects.update(ends_at=timezone.now())
    assert visitor.post(f"{path}ouvrir/", {"code": code}).status_code == 422


def test_a_page_that_was_closed_asks_for_a_code_again(inside, path):
    inside.post(f"{path}fermer/")
    assert "Découverte" not in inside.get(path).content.decode()


def test_a_key_opens_no_other_page(inside, join, make_plan, path):
    other = join(make_plan(name="Prestige"), "hugo")
    inside.cookies["club"]["path"] = "/"
    assert "Prestige" not in inside.get(f"/club/m/{other.token}/").content.decode()


def test_nobody_acts_without_the_code(lea, visitor, path):
    for act in ("pause", "moyen", "rester", "adresse"):
        assert visitor.post(f"{path}{act}/", {"periods": "1"})["Location"] == path
    assert again(lea).state == "active"


@pytest.mark.parametrize(("typed", "many"), [("lea@exemple.fr", 1), ("hugo@exemple.fr", 0)])
def test_the_link_is_sent_to_who_belongs_and_the_page_says_the_same(lea, visitor, typed, many):
    page = visitor.post("/club/espace/", {"to": typed}).content.decode()
    assert "Regardez vos messages" in page
    found = Message.objects.filter(cause__startswith="club-link")
    assert found.count() == many
    assert all(contract.reference_of(lea) in one.body for one in found)


def test_a_token_of_nobody_is_no_page(visitor):
    assert visitor.get(f"/club/m/{'x' * 22}/").status_code == 404


# --- what is changed -----------------------------------------------------------------------


def test_a_rest_skips_its_debits_and_ends_by_itself(lea, inside, path, stripe, told):
    inside.post(f"{path}pause/", {"periods": "1"})
    assert again(lea).state == "paused"
    assert "reprise le" in inside.get(path).content.decode()
    stripe.advance(31)
    told()
    assert lea.periods.count() == 1
    stripe.advance(31)
    told()
    assert (again(lea).state, lea.periods.count()) == ("active", 2)


def test_who_is_about_to_leave_is_announced_no_further_debit(lea, inside, path):
    debit = f"{jour(lea.period_ends_at)} ·"
    assert debit in inside.get(path).content.decode()
    word(lea)  # Stripe has not heard of it
    assert debit not in inside.get(path).content.decode()


def test_who_rests_may_go_on_at_once(lea, inside, path):
    inside.post(f"{path}pause/", {"periods": "2"})
    inside.post(f"{path}reprendre/")
    assert again(lea).state == "active"


def test_who_went_on_may_rest_again_the_same_day(lea, inside, path):
    for act in ("pause", "reprendre", "pause"):
        inside.post(f"{path}{act}/", {"periods": "1"})
    assert again(lea).state == "paused"


@pytest.mark.parametrize("periods", ["0", "4", "", "x"])
def test_no_rest_is_longer_than_what_is_offered(lea, inside, path, periods):
    inside.post(f"{path}pause/", {"periods": periods})
    assert again(lea).state == "active"


def test_an_address_is_changed_and_bringing_is_paid_from_the_next_month(
    lea, inside, path, stripe, told
):
    said = {"street": "5 rue Serpenoise", "postal_code": "57000", "city": "Metz"}
    inside.post(f"{path}adresse/", {**said, "handover": "shipping"})
    found = again(lea)
    assert (found.street, found.handover, found.ship_cents) == (said["street"], "shipping", 800)
    stripe.advance(31)
    told()
    assert sorted(lea.periods.values_list("amount_cents", flat=True)) == [3200, 4000]


def test_a_wrong_postal_code_is_said_beside_its_field(lea, inside, path):
    said = {"street": "5 rue Serpenoise", "postal_code": "57", "city": "Metz"}
    answer = inside.post(f"{path}adresse/", {**said, "handover": "pickup"})
    assert answer.status_code == 422
    assert "cinq chiffres" in answer.content.decode()
    assert "5 rue Serpenoise" in answer.content.decode()


def test_another_card_pays_from_now_on(lea, inside, path, stripe, told):
    url = inside.post(f"{path}moyen/", {"once": "a" * 32})["Location"]
    back = stripe.pay(url, "5555 5555 5555 4444")
    inside.get(path + "?" + back.partition("?")[2])
    inside.get(path + "?" + back.partition("?")[2])
    assert "•••• 4444" in inside.get(path).content.decode()
    assert MemberEvent.objects.filter(kind="means").count() == 1


def test_another_account_is_taken_where_the_shop_takes_debits(lea, inside, path, stripe, told):
    url = inside.post(f"{path}moyen/", {"once": "b" * 32})["Location"]
    back = stripe.pay(url, "FR14 2004 1010 0505 0001 3M02 606")
    inside.get(path + "?" + back.partition("?")[2])
    assert "prélèvement" in inside.get(path).content.decode()


@pytest.mark.parametrize("page", ["cs_test_nobody", "../customers/{customer}", "cs_x?expand=y"])
def test_a_page_of_stripes_that_is_anothers_changes_nothing(lea, inside, path, page):
    page = page.format(customer=lea.customer_id)
    assert inside.get(path, {"moyen": page})["Location"] == path
    assert not MemberEvent.objects.filter(kind="means").exists()


def test_only_ones_own_invoices_are_handed_out(drawn, lea, inside, path, run_jobs):
    run_jobs()  # the worker draws it
    invoice = Invoice.objects.get()
    answer = inside.get(f"{path}facture/{invoice.number}/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert b"".join(answer.streaming_content).startswith(b"%PDF")
    answer.close()
    assert inside.get(f"{path}facture/F2026-99999/").status_code == 404


def test_the_page_leads_back_to_ones_card(lea, inside, path):
    assert 'href="/c/' not in inside.get(path).content.decode(), "there is none yet"
    card = card_of(lea.contact)
    assert f'href="/c/{card.token}/"' in inside.get(path).content.decode()


def test_the_page_asks_few_questions(lea, inside, path):
    with CaptureQueriesContext(connection) as asked:
        inside.get(path)
    assert len(asked) <= 22


@pytest.mark.parametrize(("language", "said"), [("en", "Cancel your contract"), ("es", "Resolver")])
def test_the_page_speaks_the_visitors_language(lea, inside, path, language, said):
    page = inside.get(path, headers={"accept-language": language}).content.decode()
    assert said in page


# --- a new price ---------------------------------------------------------------------------


@pytest.fixture
def offered(lea):
    """A higher price is proposed to Léa, from six weeks on."""
    on = timezone.localdate() + timedelta(days=42)
    return repricing.announce_price(
        lea.plan, price_cents=3600, applies_on=on, by=SYSTEM, now=timezone.now()
    )


def test_a_new_price_is_asked_and_the_old_one_stands_without_a_yes(
    lea, offered, run_jobs, stripe, told
):
    run_jobs()
    assert "36,00" in last("club-price").body
    stripe.advance(70)
    told()
    care.run()
    run_jobs()
    assert set(lea.periods.values_list("amount_cents", flat=True)) == {3200}


@pytest.mark.usefixtures("offered")
def test_who_agrees_pays_it_from_a_period_after_its_day(lea, inside, path, run_jobs, month):
    answer = Answer.objects.get()
    inside.post(f"{path}prix/{answer.pk}/", {"reponse": "oui"})
    run_jobs()
    assert again(lea).price_cents == 3200
    month(lea, "4242 4242 4242 4242")
    care.run()
    run_jobs()
    assert again(lea).price_cents == 3600
    month(lea, "4242 4242 4242 4242")
    amounts = lea.periods.order_by("starts").values_list("amount_cents", flat=True)
    assert list(amounts) == [3200, 3200, 3600]


def test_an_answer_may_be_changed_until_it_counts(lea, offered, inside, path):
    answer = Answer.objects.get()
    inside.post(f"{path}prix/{answer.pk}/", {"reponse": "oui"})
    inside.post(f"{path}prix/{answer.pk}/", {"reponse": "non"})
    answer.refresh_from_db()
    assert answer.agrees is False
    assert "Vous l’avez refusé" in inside.get(path).content.decode()


@pytest.mark.usefixtures("offered")
def test_a_yes_to_a_price_that_was_proposed_anew_counts_no_more(lea, inside, path, run_jobs, month):
    inside.post(f"{path}prix/{Answer.objects.get().pk}/", {"reponse": "oui"})
    on = timezone.localdate() + timedelta(days=42)
    words = {"price_cents": 3400, "applies_on": on, "by": SYSTEM, "now": timezone.now()}
    repricing.announce_price(lea.plan, **words)
    run_jobs()
    for _ in range(2):
        month(lea, "4242 4242 4242 4242")
        care.run()
        run_jobs()
    assert again(lea).price_cents == 3200


def test_a_price_is_announced_in_time(lea):
    with pytest.raises(repricing.TooSoon):
        repricing.announce_price(
            lea.plan,
            price_cents=3600,
            applies_on=timezone.localdate() + timedelta(days=5),
            by=SYSTEM,
            now=timezone.now(),
        )


# --- a fixed term --------------------------------------------------------------------------


@pytest.fixture
def bound(join, make_plan, seller):
    """Léa agreed for a year."""
    return again(join(make_plan(term_months=12), "lea"))


def told_of_renewal():
    return Message.objects.filter(cause__startswith="club-renewal")


@pytest.mark.parametrize(("days_before", "many"), [(120, 0), (50, 1), (20, 0)])
def test_the_renewal_is_said_three_to_one_months_before(bound, days_before, many):
    Member.objects.update(term_ends_on=timezone.localdate() + timedelta(days=days_before))
    care.run()
    care.run()
    assert told_of_renewal().count() == many


def test_its_letter_has_the_date_in_a_box(bound):
    ends = timezone.localdate() + timedelta(days=45)
    Member.objects.update(term_ends_on=ends)
    care.run()
    letter = told_of_renewal().get()
    boxed = letter.html.split("border:2px solid")[1].split("</td>")[0]
    assert str(ends.year) in boxed
    assert "Vous pouvez refuser" in boxed


def test_who_was_told_is_renewed_and_who_was_not_is_bound_no_more(bound, later):
    ends = timezone.localdate() + timedelta(days=45)
    Member.objects.update(term_ends_on=ends)
    renewing.tell_renewal(again(bound), timezone.now())
    renewing.renew(bound.pk, later(days=46))
    assert again(bound).term_ends_on > ends + timedelta(days=300)
    renewing.renew(bound.pk, later(days=500))
    assert again(bound).term_ends_on is None


def test_a_monthly_plan_is_told_of_nothing(lea):
    care.run()
    assert not told_of_renewal().exists()
