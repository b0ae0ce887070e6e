"""The chain: what was sealed is proven by anybody, and what was touched is named."""

import hashlib
import json
import os
from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from apps.invoicing.closing import run
from apps.invoicing.models import Chain, Closure, Invoice, Movement, Payment, Record
from apps.invoicing.seal import GENESIS
from apps.invoicing.verifying import prove_chain
from tests.invoicing.writing import NOON, bottles, issued, paid, paid_out

SEALED = (Record, Invoice, Payment, Closure, Movement)


def a_life():
    """Two invoices, a payment, and the night that closes them."""
    paid(issued(bottles(3)), 3600)
    issued()
    run(NOON + timedelta(days=1))


def test_each_line_is_proven_without_this_program(seller):
    a_life()
    before = GENESIS
    for number, (body, sealed) in enumerate(
        Record.objects.order_by("number").values_list("body", "hash"), start=1
    ):
        assert hashlib.sha256(body.encode()).hexdigest() == sealed
        facts = json.loads(body)
        assert (facts["record"], facts["previous"]) == (number, before)
        assert "\n" not in body
        before = sealed
    assert number == 4
    assert Chain.objects.get().hash == before


@pytest.mark.parametrize("model", SEALED)
@pytest.mark.parametrize("verb", ["UPDATE {} SET record_id = record_id", "DELETE FROM {}"])
def test_not_even_an_administrator_of_ours_rewrites_what_is_sealed(seller, model, verb):
    a_life()
    statement = verb.format(model._meta.db_table).replace("record_id", model._meta.pk.column)
    with connection.cursor() as cursor:
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(statement)
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")


def test_an_untouched_chain_is_whole(seller):
    a_life()
    proof = prove_chain()
    assert proof.broken is None
    assert (proof.records, proof.last) == (4, Chain.objects.get().hash)


# What the owner of the database could do behind our back, and the record it is found at.
_BODY = "UPDATE {}.invoicing_record SET body = replace(body, 'Dupont', 'Durand') WHERE number = 3"
_REHASHED = (
    "UPDATE {}.invoicing_record SET body = replace(body, 'Dijon', 'Dinan'), hash = "
    "encode(sha256(convert_to(replace(body, 'Dijon', 'Dinan'), 'UTF8')), 'hex') WHERE number = 1"
)
TAMPERED = {
    "its words": (_BODY, 3, "contenu"),
    "its words and their hash": (_REHASHED, 2, "pas lié"),
    "a column": ("UPDATE {}.invoicing_invoice SET buyer = 'X' WHERE record_id = 3", 3, "répète"),
    "an amount": ("UPDATE {}.invoicing_payment SET amount_cents = 1", 2, "répète"),
    "a payment gone": ("DELETE FROM {}.invoicing_payment", 2, "répète"),
    "a day": ("UPDATE {}.invoicing_record SET \"on\" = '2026-11-01' WHERE number = 3", 3, "jour"),
    "the end gone": (
        "DELETE FROM {0}.invoicing_closure; DELETE FROM {0}.invoicing_record WHERE number = 4",
        4,
        "la chaîne allait plus loin",
    ),
    "the middle gone": (
        "DELETE FROM {0}.invoicing_payment; DELETE FROM {0}.invoicing_record WHERE number = 2",
        3,
        "il manque",
    ),
    "a closure's sums": ("UPDATE {}.invoicing_closure SET total_cents = 0", 4, "répète"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_first_broken_link_is_named(tills, what):
    """By the owner's role, which alone can: committed, since it comes from elsewhere."""

    def live(_):
        with transaction.atomic():
            a_life()
        return connection.schema_name

    (schema,) = tills(live, None)
    statement, number, why = TAMPERED[what]
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute(statement.format(schema))
    (proof,) = tills(lambda _: prove_chain(), None)
    assert proof.broken.number == number
    assert why in proof.broken.why


def test_what_moved_online_is_sealed_as_well(tills, shop):
    (schema,) = tills(lambda _: (paid_out(shop), connection.schema_name)[1], None)
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute(f"UPDATE {schema}.invoicing_movement SET amount_cents = 1")
    (proof,) = tills(lambda _: prove_chain(), None)
    assert proof.broken.number == 1
    assert "répète" in proof.broken.why


def test_the_command_proves_every_shop(seller):
    a_life()
    told = StringIO()
    call_command("verify_seal", "cave", stdout=told)
    assert "cave : 4 maillons" in told.getvalue()
    assert "1 boutiques, 4 enregistrements." in told.getvalue()


def test_the_command_names_the_link_and_fails(seller):
    a_life()
    Chain.objects.update(number=9)
    told = StringIO()
    with pytest.raises(CommandError, match="1 boutiques dont la chaîne est rompue"):
        call_command("verify_seal", "cave", stderr=told)
    assert "cave : n° 5, il manque" in told.getvalue()
