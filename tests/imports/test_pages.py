"""The pages of an import cost the same whatever the file holds."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from apps.core.actor import Actor
from apps.imports.models import ImportLine, ImportRun, ImportState
from apps.imports.services import start, upload
from apps.imports.tasks import continue_import

pytestmark = pytest.mark.django_db

OWNER = Actor("team", 1)
HEADERS = {
    "people": "Prénom;Nom;Téléphone;E-mail;Étiquettes;Tampons\n",
    "products": "Nom;Type;Format;Prix;Référence;Stock\n",
    "purchases": "Date;Montant TTC;Téléphone;Article;N° ticket\n",
}


def line(kind, n):
    return {
        "people": f"Zoé;Petit;06120{n:05d};zoe{n}@exemple.fr;jura;sept\n",
        "products": f"Vin {n};Vin;75 cl;12,50;R{n};beaucoup\n",
        "purchases": f"12/03/2026;12,50;06120{n:05d};Vin {n};T{n}\n",
    }[kind]


def drafted(shop, kind, lines):
    text = HEADERS[kind] + "".join(line(kind, n) for n in range(lines))
    file = SimpleUploadedFile(f"{kind}.csv", text.encode())
    return upload(shop, file, kind=kind, by=OWNER, now=timezone.now())


def imported(shop, kind, lines):
    run = drafted(shop, kind, lines)
    options = {"tag": "", "consent_origin": ""} if kind == "people" else {}
    start(run, mapping=run.mapping, options=options, by=OWNER, now=timezone.now())
    continue_import(run.pk)
    return run


@pytest.mark.parametrize("kind", HEADERS)
def test_a_draft_of_many_lines_costs_no_more(
    owner_client, shop, kind, django_assert_max_num_queries
):
    run = drafted(shop, kind, 300)
    with django_assert_max_num_queries(6):
        page = owner_client.get(reverse("import_run", args=[run.pk])).content.decode()
    assert "300</b> lignes" in page


def test_a_long_past_of_imports_costs_no_more(owner_client, shop, django_assert_max_num_queries):
    for _ in range(12):
        drafted(shop, "people", 1)
    with django_assert_max_num_queries(5):
        page = owner_client.get(reverse("import", args=["clients"])).content.decode()
    assert page.count("people.csv") == 10


@pytest.mark.parametrize("kind", HEADERS)
def test_a_report_of_many_lines_costs_no_more(
    owner_client, shop, kind, django_assert_max_num_queries
):
    run = imported(shop, kind, 220)
    assert run.lines.exclude(reasons="").count() == 220
    with django_assert_max_num_queries(7):
        page = owner_client.get(reverse("import_run", args=[run.pk])).content.decode()
    assert "20</span> autres, dans le rapport CSV" in page
    with django_assert_max_num_queries(5):
        sheet = owner_client.get(reverse("import_report", args=[run.pk])).getvalue().decode()
    assert sheet.count("\r\n") == 221


def test_looking_on_reads_no_line(owner_client, shop, django_assert_max_num_queries):
    run = drafted(shop, "people", 300)
    ImportRun.objects.filter(pk=run.pk).update(state=ImportState.RUNNING, done=250)
    ImportLine.objects.bulk_create(
        ImportLine(run=run, number=n, fate="refused", reasons="phone") for n in range(2, 252)
    )
    with django_assert_max_num_queries(4):
        answer = owner_client.get(reverse("import_run", args=[run.pk]), HTTP_HX_REQUEST="true")
    page = answer.content.decode()
    assert "250</b> sur 300 lignes" in page
    assert "Voir" not in page
