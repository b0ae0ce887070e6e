"""A chain of 100,000 records proven, beside reading and hashing the same bytes and no more."""

import hashlib
import time
from collections.abc import Iterator
from uuid import uuid4

from django.utils import timezone

from apps.core.tenancy import in_schema
from apps.invoicing.models import Chain, Invoice, Record
from apps.invoicing.seal import canonical, digest
from apps.shops.models import Shop
from tests.bench.ground import Ground
from tests.bench.report import Row
from tests.bench.rows.invoices import seller
from tests.bench.rows.keep import manage
from tests.invoicing.writing import bottles, issued

RECORDS, LONGEST, MORE = 100_000, 10, 10


def filled(count: int) -> Shop:
    """A shop with so long a chain, written as ``issue`` would have, without its locks."""
    shop = seller()
    with in_schema(shop.schema_name):
        first = issued(bottles(3, 1490), bottles(1, 550, vat=550), at=timezone.now())
        same, previous, moment = first.record.facts, first.record.hash, first.record.at
        plain = {f.attname: getattr(first, f.attname) for f in Invoice._meta.concrete_fields}
        for numbers in (range(at, min(at + 2000, count + 1)) for at in range(2, count + 1, 2000)):
            records, invoices = [], []
            for number in numbers:
                name = f"{first.series}-{number:05d}"
                here = {"record": number, "previous": previous, "position": number, "number": name}
                body = canonical({**same, **here})
                previous = digest(body)
                told = {"kind": "invoice", "at": moment, "on": first.issued_on}
                records.append(Record(number=number, body=body, hash=previous, **told))
                own = {"record_id": number, "number": name, "position": number, "token": uuid4()}
                invoices.append(Invoice(**{**plain, **own}))
            Record.objects.bulk_create(records)
            Invoice.objects.bulk_create(invoices)
        Chain.objects.update(number=count, hash=previous)
    return shop


def measure(ground: Ground) -> Iterator[Row]:
    great, small = filled(RECORDS), filled(10)
    began = time.monotonic()
    reading = f"SELECT body FROM {great.schema_name}.invoicing_record ORDER BY number"
    with ground.admin() as link, link.transaction(), link.cursor(name="plainly") as cursor:
        cursor.execute(reading)
        for (body,) in cursor:
            hashlib.sha256(body.encode()).hexdigest()
    plain = time.monotonic() - began
    short = manage(ground, "verify_seal", small.slug)
    long = manage(ground, "verify_seal", great.slug)
    more, beside = long.memory - short.memory, (long.seconds - short.seconds) / plain
    name = f"verify_seal, {RECORDS:,} records"
    yield Row(name, f"≤ {LONGEST} s", long.told(), long.seconds <= LONGEST)
    yield Row("its memory above a small chain's", f"≤ {MORE} MB", f"{more:.0f} MB", more <= MORE)
    yield Row("beside reading and hashing it", "≤ 10 ×", f"{beside:.1f} ×", beside <= 10)
