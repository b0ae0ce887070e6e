"""What a page costs to open; and the keyboard alone."""

import re

from apps.club.models import ClubPlan
from apps.core.tenancy import in_schema
from tests.e2e.browser import DESK, PHONE, sign_in, tab_through, views
from tests.e2e.meter import opened
from tests.e2e.shops import full_shop


def test_joining_costs_60_kilobytes_10_of_them_script(page, stack):
    shop = full_shop(stack)
    meter = opened(page, stack.url(shop))
    assert meter.kilobytes() <= 60, meter.kilobytes()
    assert meter.kilobytes("Script") <= 10


def test_joining_the_club_costs_60_kilobytes_and_no_script(page, stack):
    shop = full_shop(stack)
    with in_schema(shop.schema_name):
        plan = ClubPlan.objects.filter(places=None).first()
    for address in ("/club/", f"/club/{plan.pk}/"):
        meter = opened(page, stack.url(shop, address))
        assert meter.kilobytes() <= 60, meter.kilobytes()
        assert not meter.kilobytes("Script")


def test_the_counter_costs_120_kilobytes(page, stack):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "helper")
    meter = opened(page, stack.url(shop, "/comptoir/"))
    assert meter.kilobytes() <= 120, meter.kilobytes()


def test_a_counter_opened_before_fetches_the_page_alone(page, stack):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "helper")
    page.goto(stack.url(shop, "/comptoir/"))
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    meter = opened(page, stack.url(shop, "/comptoir/"))
    fetched = {kind: size for kind, size in meter.by_kind().items() if size}
    assert not fetched.keys() & {"Stylesheet", "Script", "Font"}, fetched
    assert meter.kilobytes() <= 30, fetched


@views(DESK)
def test_the_home_costs_200_kilobytes(page, stack, view):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "owner")
    meter = opened(page, stack.url(shop, "/gestion/"))
    assert meter.kilobytes() <= 200, meter.kilobytes()


def test_joining_by_keyboard_alone(page, stack):
    shop = full_shop(stack)
    page.goto(stack.url(shop))
    names = tab_through(page)
    assert names[0] == "#contenu", "the skip link comes first"
    wanted = ["first_name", "phone", "email", "accord_sms", "accord_email"]
    assert [name for name in names if name in wanted] == wanted
    assert "site" not in names, "the trap takes no focus"
    page.locator("[name=first_name]").focus()
    page.keyboard.type("Solène")
    page.keyboard.press("Tab")
    page.keyboard.type("06 71 42 53 99")
    page.locator("[name=adult]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/**")


def test_the_counter_by_keyboard_alone(page, stack):
    shop = full_shop(stack)
    sign_in(page, stack, shop, "helper")
    page.goto(stack.url(shop, "/comptoir/"))
    names = tab_through(page)
    assert names[0] == "#contenu"
    assert {"q", "/comptoir/ajouter/", "/comptoir/scanner/"} <= set(names)
    page.keyboard.press("Escape")
    page.locator("#contenu").press("Home")


def test_the_skip_link_leads_to_the_content(page, stack):
    page.goto(stack.url(full_shop(stack)))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#contenu")
    page.keyboard.press("Tab")
    inside = "document.querySelector('#contenu').contains(document.activeElement)"
    assert page.evaluate(inside)


@views(PHONE, DESK)
def test_no_link_is_dead(page, stack, listener, view):
    """From home, the counter and the card: every link of this host leads somewhere."""
    shop = full_shop(stack)
    sign_in(page, stack, shop, "owner")
    listener.expect("404")
    seen: set[str] = set()
    dead: list[str] = []
    queue = ["/", "/comptoir/", "/gestion/equipe/", "/gestion/"]
    while queue and len(seen) < 40:
        path = queue.pop(0)
        shape = re.sub(r"\d+|/[A-Za-z0-9_-]{22}/", "…", path)  # one client's page stands for all
        if shape in seen or re.search(r"\.(pdf|csv|json|svg|txt)|exporter|sortie", path):
            continue
        seen.add(shape)
        answer = page.goto(stack.url(shop, path))
        if answer and answer.status >= 400:
            dead.append(f"{path}: {answer.status}")
            continue
        links = page.locator("a[href^='/']").evaluate_all(
            "all => all.map(a => a.getAttribute('href'))"
        )
        queue += [link.split("#")[0] for link in links]
    assert dead == []
