"""A batch of purchases is what its lines one by one would have been, for a few statements."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.audience.buying import Purchases
from apps.catalog.details import Kind
from apps.catalog.models import Purchase, PurchaseLine
from apps.catalog.services.products import ProductWords, VariantWords, archive_product, save_product
from apps.core.actor import Actor
from apps.imports.services import go_on, start, upload
from tests.factories import CardFactory, ContactFactory

OWNER = Actor("team", 1)
HEADER = "Date;Montant TTC;Téléphone;E-mail;Carte;N° ticket;Article;Référence;Quantité\n"


def started(shop, lines):
    file = SimpleUploadedFile("achats.csv", (HEADER + "\n".join(lines) + "\n").encode())
    run = upload(shop, file, kind="purchases", by=OWNER, now=timezone.now())
    start(run, mapping=run.mapping, options={}, by=OWNER, now=timezone.now())
    return run


def brought(shop, run):
    assert go_on(run.pk, shop, timezone.now() + timedelta(minutes=1))
    return [(line.fate, line.reasons) for line in run.lines.order_by("number")]


def shelf():
    """Two wines; the first stood there once before under the same name, and was put away."""
    now = timezone.now()
    facts = {"region": "beaujolais", "colour": "rouge"}
    wines = ("Morgon", "M-0", {}), ("Morgon", "M-1", facts), ("Sancerre", "S-1", {})
    made = [
        save_product(
            ProductWords(name, Kind.WINE, [VariantWords(1490, sku=sku)], told), by=OWNER, now=now
        )
        for name, sku, told in wines
    ]
    archive_product(product=made[0], by=OWNER, now=now)
    made[0].variants.update(archived_at=now)


def people():
    zoe = ContactFactory(phone="+33612345678", email="zoe@exemple.fr")
    CardFactory(contact=zoe, number=1001)
    ContactFactory(phone="+33612345679", email="")


def all_that_is_known():
    lines = PurchaseLine.objects.order_by("purchase__reference", "reference")
    return (
        list(
            Purchase.objects.order_by("reference").values_list(
                "reference", "contact__phone", "at", "amount_cents"
            )
        ),
        list(
            lines.values_list(
                "purchase__reference", "label", "units", "amount_cents", "colour", "variant__sku"
            )
        ),
    )


LINES = st.lists(
    st.builds(
        lambda *cells: ";".join(cells),
        st.sampled_from(["02/03/2026", "02/03/2026 18:03", "05/03/2026", "demain"]),
        st.sampled_from(["12,50", "9,00", "-9,00", "gratuit"]),
        st.sampled_from(["", "0612345678", "06 12 34 56 79", "0699999999"]),
        st.sampled_from(["", "ZOE@exemple.fr"]),
        st.sampled_from(["", "1001", "1999"]),
        st.sampled_from(["", "T-1", "T-2"]),
        st.sampled_from(["", "morgon", "Tire-bouchon"]),
        st.sampled_from(["", "s-1", "X-9"]),
        st.sampled_from(["", "2", "beaucoup"]),
    ),
    min_size=1,
    max_size=9,
)


@pytest.mark.django_db
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(LINES, LINES)
@example(["02/03/2026;9,00;0612345678;;;T-1;;;"] * 2, ["02/03/2026;9,00;0612345678;;;;;;"])
def test_a_batch_brings_what_its_lines_one_by_one_would(shop, earlier, lines):
    def so(batch):
        with transaction.atomic():
            people()
            shelf()
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(Purchases, "batch", batch)
                fates = [brought(shop, started(shop, file)) for file in (earlier, lines, lines)]
            told = fates, all_that_is_known()
            transaction.set_rollback(True)
        return told

    together, apart = so(500), so(1)
    assert together == apart
    assert not {fate for fate, _reasons in together[0][2]} & {"created"}


@pytest.mark.django_db
def test_what_is_on_sale_is_meant_before_what_was_put_away(shop):
    people()
    shelf()
    brought(shop, started(shop, ["02/03/2026;12,50;0612345678;;;;Morgon;;"]))
    assert PurchaseLine.objects.get().colour == "rouge"


@pytest.mark.django_db
def test_a_batch_costs_the_same_whatever_its_length(shop, django_assert_max_num_queries):
    people()
    shelf()
    for start_at, count in pairwise((0, 21, 81)):
        lines = [
            f"02/03/2026;{n},50;0612345678;;1001;T-{n // 3};Morgon;S-1;2"
            for n in range(start_at, count)
        ]
        run = started(shop, lines)
        with django_assert_max_num_queries(25):
            assert {fate for fate, _reasons in brought(shop, run)} == {"created"}


@pytest.mark.django_db(transaction=False)
def test_two_exports_that_overlap_at_the_same_moment_count_once(shop, committed):
    def file(first):
        lines = [f"02/03/2026;{n},50;0612345678;;;T-{n};Morgon;;" for n in range(first, first + 30)]
        return started(shop, lines)

    def prepared(_):
        people()
        shelf()
        return file(0), file(15)

    (runs,) = committed(prepared, None)
    committed(lambda run: brought(shop, run), *runs)

    def told(_):
        amounts = Purchase.objects.order_by("amount_cents").values_list("amount_cents", flat=True)
        return list(amounts)

    assert committed(told, None) == [[100 * n + 50 for n in range(45)]]
