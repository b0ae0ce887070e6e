"""Who forgets to say whose rows are meant finds their own shop's, and in public nobody's.

Every query here leaves the shop out on purpose.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    ProgrammingError,
    connection,
    connections,
    models,
    transaction,
)
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Device, Invitation, Membership, Pin, PlatformMail, Session
from apps.contacts.models import Contact
from apps.core.jobs import JobFailed, run
from apps.core.models import Due
from apps.core.tenancy import PLATFORM_ROLE, across_shops, current_schema, database, in_schema
from apps.payments.models import (
    Charge,
    Dispute,
    Payout,
    PlanBill,
    Refund,
    ShopAccount,
    Subscriber,
)
from apps.shops.models import Domain, DomainClaim, Secret, SharedLine, Shop
from apps.shops.walls import Wall, walls
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
# What the owner alone writes has its walls too, and no row here.
WALLS = [wall for wall in walls() if not getattr(wall.model, "owner_writes", False)]
CLOSED = [wall for wall in WALLS if not wall.read_by_all]
READ_BY_ALL = [wall for wall in WALLS if wall.read_by_all]


def _key(shop: Shop) -> str:
    return f"{shop.slug}{'x' * 20}"


def _charge(shop: Shop) -> Charge:
    now = timezone.now()
    said = {"amount_cents": 1, "made_at": now, "read_at": now}
    return Charge.objects.get_or_create(charge_id=f"ch_{shop.slug}", shop=shop, defaults=said)[0]


# One row of each table for a shop; what a shop has from its first day needs none.
MAKE: dict[type[models.Model], Callable[[Shop], object]] = {
    Shop: lambda shop: shop,
    Domain: lambda shop: shop.domains.get(),
    DomainClaim: lambda shop: DomainClaim.objects.create(shop=shop, domain="www.cave.example"),
    SharedLine: lambda shop: SharedLine.objects.create(
        shop=shop, address_hash="a" * 64, written_at=timezone.now()
    ),
    Subscriber: lambda shop: Subscriber.objects.create(shop=shop, customer_id=f"cus_{shop.slug}"),
    ShopAccount: lambda shop: ShopAccount.objects.create(shop=shop, account_id=f"acct_{shop.slug}"),
    PlanBill: lambda shop: PlanBill.objects.create(
        shop=shop,
        stripe_id=f"in_{shop.slug}",
        happened_at=timezone.now(),
        **dict.fromkeys(("net_cents", "total_cents", "paid_cents"), 1),
    ),
    Charge: _charge,
    Refund: lambda shop: Refund.objects.create(
        shop=shop, charge=_charge(shop), amount_cents=1, asked_at=timezone.now()
    ),
    Dispute: lambda shop: Dispute.objects.create(
        shop=shop,
        charge=_charge(shop),
        dispute_id=f"dp_{shop.slug}",
        amount_cents=1,
        verdict="answer",
        made_at=timezone.now(),
    ),
    Payout: lambda shop: Payout.objects.create(
        shop=shop,
        payout_id=f"po_{shop.slug}",
        amount_cents=1,
        status="paid",
        arrives_on=timezone.localdate(),
        read_at=timezone.now(),
    ),
    Secret: lambda shop: Secret.objects.create(
        shop=shop, name="twilio:AC1", sealed=b"x", sealed_by="k"
    ),
    Membership: lambda shop: Membership.objects.create(shop=shop, user=UserFactory(), role="owner"),
    Invitation: lambda shop: Invitation.objects.create(
        shop=shop, email="lea@exemple.fr", role="helper", invited_by=UserFactory()
    ),
    Device: lambda shop: Device.objects.create(shop=shop, number=1, name="Comptoir"),
    Pin: lambda shop: Pin.objects.create(shop=shop, user=UserFactory(), hash="x"),
    PlatformMail: lambda shop: PlatformMail.objects.create(to="a@exemple.fr", text="un lien"),
    Session: lambda shop: Session.objects.create(
        session_key=_key(shop),
        schema=shop.schema_name,
        expire_date=timezone.now() + timedelta(days=1),
    ),
    Due: lambda shop: Due.objects.create(schema=shop.schema_name, what="triggers"),
}


def rows(query: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def told(query: str, *values: object) -> int:
    """How many rows a statement changed."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.rowcount


def who() -> str:
    return str(rows("SELECT current_user")[0][0])


@pytest.fixture
def full(shop: Shop, other_shop: Shop) -> Shop:
    """Both shops have a row in every walled table; the connection stands in the wine merchant's."""
    for one in (shop, other_shop):
        with in_schema(one.schema_name):
            for make in MAKE.values():
                make(one)
    return shop


@pytest.fixture
def app() -> str:
    return who()


def by_table(which: list[Wall]) -> Any:
    return pytest.mark.parametrize("wall", which, ids=[wall.table for wall in which])


def test_every_walled_table_is_tried_here():
    assert {wall.model for wall in WALLS} == set(MAKE)


@by_table(CLOSED)
def test_all_rows_are_the_shops_own(full, wall):
    found = wall.model.objects.all().values_list(wall.model.walled_by, flat=True)
    assert list(found) == [full.schema_name]
    assert wall.model.objects.count() == 1
    assert rows(f"SELECT {wall.column} FROM {wall.table}") == [(full.schema_name,)]
    assert rows(f"SELECT count(*) FROM public.{wall.table}") == [(1,)]


@by_table(CLOSED)
def test_in_public_there_is_no_row_of_any_shop(full, wall):
    connection.set_schema_to_public()
    assert not wall.model.objects.exists()
    assert rows(f"SELECT count(*) FROM {wall.table}") == [(0,)]
    assert told(f"UPDATE {wall.table} SET {wall.column} = {wall.column}") == 0
    assert told(f"DELETE FROM {wall.table}") == 0


@by_table(READ_BY_ALL)
def test_what_routes_is_read_from_anywhere_and_written_by_its_shop(full, wall):
    assert wall.model.objects.count() == 2
    assert told(f"UPDATE {wall.table} SET {wall.column} = {wall.column}") == 1
    connection.set_schema_to_public()
    assert wall.model.objects.count() == 2
    assert told(f"UPDATE {wall.table} SET {wall.column} = {wall.column}") == 0


@by_table(WALLS)
def test_an_update_without_where_changes_the_shops_own(full, wall):
    assert wall.model.objects.update(**{wall.model.walled_by: F(wall.model.walled_by)}) == 1
    assert told(f"UPDATE {wall.table} SET {wall.column} = {wall.column}") == 1


def full_value(wall: Wall, shop: Shop) -> object:
    return (
        shop if wall.model._meta.get_field(wall.model.walled_by).is_relation else shop.schema_name
    )


@by_table([wall for wall in WALLS if wall.model is not Shop])
def test_a_delete_without_where_takes_the_shops_own(full, other_shop, wall):
    assert told(f"DELETE FROM {wall.table}") == 1
    with across_shops():
        assert rows(f"SELECT {wall.column} FROM {wall.table}") == [(other_shop.schema_name,)]


@by_table([wall for wall in WALLS if wall.model is not Shop])
def test_no_row_is_given_to_another_shop(full, other_shop, wall):
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        told(f"UPDATE {wall.table} SET {wall.column} = %s", other_shop.schema_name)


def test_no_row_is_made_for_another_shop(full, other_shop):
    for make in (
        lambda: Membership.objects.create(shop=other_shop, user=UserFactory(), role="helper"),
        lambda: Domain.objects.create(tenant=other_shop, domain="vol.example", is_primary=False),
        lambda: DomainClaim.objects.create(shop=other_shop, domain="vol.example"),
        lambda: PlatformMail.objects.create(to="a@b.fr", schema=other_shop.schema_name),
        lambda: Shop.objects.bulk_create([Shop(name="S", slug="sauvage", schema_name="s_s")]),
    ):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            make()


def test_a_join_brings_nobody_else_along(full):
    assert Shop.objects.filter(memberships__role="owner").count() == 1
    assert Membership.objects.filter(shop__invitations__isnull=False).count() == 1
    by_hand = "SELECT s.slug FROM shops_shop s JOIN accounts_membership m ON m.role = 'owner'"
    assert rows(by_hand + " WHERE s.schema_name = m.shop_schema") == [("cave",)]


def test_a_lock_without_where_takes_the_shops_own(full):
    assert len(Shop.objects.select_for_update()) == 1
    assert len(Membership.objects.select_for_update(of=("self",))) == 1


def test_switching_the_walls_off_is_an_error_and_no_way_round(full):
    with transaction.atomic():
        told("SET LOCAL row_security = off")
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            rows("SELECT * FROM accounts_membership")
        told("SET LOCAL row_security = on")
    for forbidden in (
        "ALTER TABLE accounts_membership DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE accounts_membership NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY of_the_shop ON accounts_membership",
        "CREATE POLICY all_of_it ON accounts_membership USING (true)",
        "TRUNCATE accounts_invitation",
        "SET ROLE comptoir_owner",
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            told(forbidden)


# --- the door ---------------------------------------------------------------------------


def test_through_the_door_the_platform_sees_every_shop(full, app):
    with across_shops():
        assert who() == PLATFORM_ROLE
        assert Membership.objects.count() == 2
        connection.set_schema_to_public()
    assert who() == app
    with across_shops():
        assert Membership.objects.count() == 2
        assert Invitation.objects.update(role="manager") == 2
    assert Membership.objects.count() == 0


def test_the_platform_looks_into_no_shops_own_tables(full):
    with across_shops(), pytest.raises(ProgrammingError), transaction.atomic():
        Contact.objects.count()
    assert Contact.objects.count() == 0, "here, in the shop, the table is there"


def test_a_query_made_inside_and_read_outside_finds_ones_own(full):
    with across_shops():
        late = Membership.objects.all()
    assert len(late) == 1


def test_a_cursor_taken_along_is_nobody_else(full, app):
    with connection.cursor() as cursor:
        with across_shops():
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == (PLATFORM_ROLE,)
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (app,)


def test_in_a_shop_one_is_that_shop_also_inside_the_door(full, other_shop, app):
    with across_shops():
        with in_schema(other_shop.schema_name):
            assert who() == app
            assert Membership.objects.get().shop == other_shop
            with across_shops():
                assert Membership.objects.count() == 2
            assert Membership.objects.count() == 1
        assert who() == PLATFORM_ROLE
        with across_shops():
            pass
        assert who() == PLATFORM_ROLE
    assert (who(), Membership.objects.get().shop) == (app, full)


def test_an_error_inside_closes_the_door(full, app):
    with pytest.raises(ZeroDivisionError), across_shops():
        assert Membership.objects.count() / 0
    assert (who(), Membership.objects.count()) == (app, 1)


def test_a_failed_transaction_closes_the_door(full, app):
    with pytest.raises(DatabaseError), transaction.atomic(), across_shops():
        rows("SELECT no_such_column FROM accounts_membership")
    assert (who(), Membership.objects.count()) == (app, 1)


def test_a_failure_caught_inside_the_door_leaves_it_open_till_its_end(full, app):
    with across_shops():
        with pytest.raises(DatabaseError), transaction.atomic():
            rows("SELECT no_such_column FROM accounts_membership")
        assert Membership.objects.count() == 2
    assert (who(), Membership.objects.count()) == (app, 1)


@transaction.atomic
def fail_after(work: Callable[[], object]) -> None:
    work()
    raise ZeroDivisionError


def test_a_rollback_does_not_open_the_door_again(full, app):
    """It takes the RESET ROLE back with the rest."""
    door = ExitStack()
    door.enter_context(across_shops())
    assert Membership.objects.count() == 2
    with pytest.raises(ZeroDivisionError):
        fail_after(door.close)
    assert (who(), Membership.objects.count()) == (app, 1)


def test_a_door_opened_in_what_was_rolled_back_is_still_open(full, app):
    door = ExitStack()
    with door:
        with pytest.raises(ZeroDivisionError):
            fail_after(lambda: door.enter_context(across_shops()))
        assert Membership.objects.count() == 2
    assert (who(), Membership.objects.count()) == (app, 1)


def test_stepping_into_a_schema_and_failing_there_leads_back(full, other_shop):
    """A SET of the search path too is taken back by a rollback."""
    with in_schema(other_shop.schema_name):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            assert Membership.objects.count() / 0
        assert Membership.objects.get().shop == other_shop
        assert rows("SELECT current_schema()") == [(other_shop.schema_name,)]
    assert Membership.objects.get().shop == full


def test_a_shop_visited_in_anothers_transaction_is_left_by_its_rollback(full, other_shop):
    def visit() -> None:
        with in_schema(other_shop.schema_name):
            assert Membership.objects.get().shop == other_shop

    with transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            fail_after(visit)
        assert Membership.objects.get().shop == full
        assert rows("SELECT current_schema()") == [(full.schema_name,)]


# --- jobs, requests, threads --------------------------------------------------------------

SEEN: list[tuple[str, str, int]] = []
LEFT_OPEN = ExitStack()


def look() -> None:
    SEEN.append((current_schema(), who(), Membership.objects.count()))


def look_across() -> None:
    with across_shops():
        look()


def look_across_and_fail() -> None:
    LEFT_OPEN.enter_context(across_shops())
    look()
    raise ZeroDivisionError


@pytest.fixture
def seen() -> Iterator[list[Any]]:
    SEEN.clear()
    yield SEEN
    LEFT_OPEN.close()


def test_a_shops_job_after_a_platform_job_sees_its_own(full, app, seen):
    here = f"{__name__}."
    run("public", here + "look_across")
    run("public", here + "look")
    run(full.schema_name, here + "look")
    assert seen == [
        ("public", PLATFORM_ROLE, 2),
        ("public", app, 0),
        (full.schema_name, app, 1),
    ]


def test_a_shops_job_after_one_that_left_the_door_open_sees_its_own(full, app, seen):
    with pytest.raises(JobFailed):
        run("public", f"{__name__}.look_across_and_fail")
    run(full.schema_name, f"{__name__}.look")
    run("public", f"{__name__}.look")
    assert seen == [
        ("public", PLATFORM_ROLE, 2),
        (full.schema_name, app, 1),
        ("public", app, 0),
    ]


def test_a_request_after_a_door_left_open_is_its_shops(owner_client, helper, app):
    with across_shops():
        page = owner_client.get("/gestion/equipe/").content.decode()
        assert who() == app
    assert str(helper) in page


def test_a_shops_page_pays_no_statement_for_the_wall(owner_client):
    with CaptureQueriesContext(connection) as heard:
        assert owner_client.get("/gestion/equipe/").status_code == 200
    assert len(heard) > 3
    assert not [query for query in heard.captured_queries if "ROLE" in query["sql"]]


def test_another_thread_is_behind_the_wall(full, app):
    found: list[str] = []

    def other() -> None:
        try:
            found.append(f"{database().role}{who()}")
        finally:
            connections.close_all()

    with across_shops():
        assert who() == PLATFORM_ROLE
        thread = Thread(target=other)
        thread.start()
        thread.join()
    assert found == [app]


# --- plans --------------------------------------------------------------------------------

HOT = {
    "who may enter": "SELECT * FROM accounts_membership WHERE shop_schema = %s AND user_id = 5",
    "whose session": "SELECT * FROM accounts_session WHERE session_key = 'x' AND schema = %s",
    "whose host": "SELECT * FROM shops_domain d JOIN shops_shop s ON s.schema_name = d.shop_schema "
    "WHERE d.domain = 'cave.localhost' AND d.shop_schema = %s",
    "the whole team": "SELECT * FROM accounts_membership WHERE %s <> ''",
    "every invitation": "SELECT * FROM accounts_invitation WHERE %s <> ''",
    "every claim": "SELECT * FROM shops_domainclaim WHERE %s <> ''",
}


@pytest.mark.parametrize("name", HOT)
def test_a_wall_is_served_by_an_index(full, name):
    """Also where the filter was forgotten: the policy's own comparison finds the index."""
    told("SET LOCAL enable_seqscan = off")
    plan = "\n".join(line for (line,) in rows(f"EXPLAIN {HOT[name]}", full.schema_name))
    assert "Seq Scan" not in plan
    assert "Index Cond" in plan
