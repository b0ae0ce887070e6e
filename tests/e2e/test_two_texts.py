"""Two texts of one drop in a real browser: typed, explained, let go, chosen by hand."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from apps.campaigns.models import Click, Drop, Rival, State
from apps.core.tenancy import in_schema
from apps.messaging.models import Message
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.e2e.shops import full_shop
from tests.e2e.stack import wait_for
from tests.e2e.test_drops import cellar  # noqa: F401 (a fixture)


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_an_owner_tries_two_texts_and_chooses_before_the_clock(page, stack, cellar, view):  # noqa: F811
    with in_schema(cellar.schema_name):
        drop = Drop.objects.create(title="Morgon", use_email=False, sms_text="Le morgon : {lien}")
    sign_in(page, stack, cellar, "owner")
    page.goto(stack.url(cellar, f"/gestion/messages/{drop.pk}/"))
    page.get_by_text("Comparer deux textes").click()
    page.get_by_label("Texte B du SMS").fill("{prénom}, votre morgon vous attend : {lien}")
    page.get_by_label("Qui les lit").select_option("20")
    expect(page.locator("#regle")).to_contain_text("Vous pouvez choisir vous-même avant.")
    expect(page.locator("#b-apercu")).to_contain_text("votre morgon vous attend")
    axe(page)
    fits(page)
    page.screenshot(path=look(page, f"two-texts-composer-{view.name}"), full_page=True)
    page.locator("#lancer").click()
    expect(page.get_by_text("Texte B ·")).to_be_visible()
    axe(page)
    fits(page)
    page.screenshot(path=look(page, f"two-texts-launch-{view.name}"), full_page=True)
    page.get_by_role("button", name="Envoyer à").click()
    expect(page.locator("#duel")).to_contain_text("Le choix se fait le")
    axe(page)
    fits(page)
    page.screenshot(path=look(page, f"two-texts-trial-{view.name}"), full_page=True)
    page.locator("#choisir-b").click()
    expect(page.locator("#duel")).to_contain_text("Vous avez choisi le texte B")
    with in_schema(cellar.schema_name):
        everybody = wait_for(
            lambda: Message.objects.filter(cause=drop.cause).count() == 12, "the others"
        )
        assert everybody


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_the_results_show_both_side_by_side(page, stack, view):
    shop = full_shop(stack)
    with in_schema(shop.schema_name):
        drop = Drop.objects.exclude(rival=None).earliest("pk")
        assert Click.objects.filter(drop=drop).exists()
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, f"/gestion/messages/{drop.pk}/"))
    expect(page.locator("#duel")).to_contain_text("choisi")
    axe(page)
    fits(page)
    page.screenshot(path=look(page, f"two-texts-results-{view.name}"), full_page=True)


def test_a_trial_in_many_people_says_when_it_decides(page, stack, cellar):  # noqa: F811
    with in_schema(cellar.schema_name):
        now = timezone.now()
        drop = Drop.objects.create(
            title="Morgon",
            use_email=False,
            sms_text="A {lien}",
            state=State.TESTING,
            launched_at=now,
            audience_size=4,
            promised={"reached": 12, "people": 12},
        )
        Rival.objects.create(drop=drop, sms_text="B {lien}", pick_at=now + timedelta(hours=4))
    sign_in(page, stack, cellar, "owner")
    page.goto(stack.url(cellar, f"/gestion/messages/{drop.pk}/"))
    expect(page.locator("#duel")).to_contain_text("8 clients attendent encore")
    axe(page)
