"""A file comes in once: whatever dies on the way, whoever said stop."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.files import storage  # not the lazy object: collecting would wake it
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audience.importing import OriginMissing, People
from apps.audit.models import Entry
from apps.contacts.consent import has_opposed, write_consent
from apps.contacts.models import ConsentEvent, ConsentState, Contact
from apps.core.actor import SYSTEM, Actor
from apps.core.tenancy import use_public
from apps.imports import services as importing
from apps.imports.models import ImportRun, ImportState
from apps.imports.services import drop, start, upload
from apps.imports.tasks import continue_import, forget_drafts
from apps.loyalty.importing import Takeovers
from apps.loyalty.models import Card, Movement
from apps.messaging.models import Message
from tests.factories import ContactFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db

IMPORT = "/gestion/imports/"
HEADER = "Prénom;Nom;Téléphone;E-mail;Tampons;Accord SMS;Accord e-mail\n"


def uploaded(shop, text, by=1, encoding="utf-8"):
    file = SimpleUploadedFile("clients.csv", text.encode(encoding))
    return upload(shop, file, by=Actor("team", by), now=timezone.now())


def begin(run, **options):
    mapping = options.pop("mapping", run.mapping)
    said = {"tag": "", "consent_origin": "paper", **options}
    start(run, mapping=mapping, options=said, by=Actor("team", 1), now=timezone.now())


def imported(shop, text, **options):
    """The whole way, as the worker walks it; returns the run and its lines' fates."""
    encoding = options.pop("encoding", "utf-8")
    run = uploaded(shop, text, encoding=encoding)
    begin(run, **options)
    continue_import(run.pk)
    run.refresh_from_db()
    assert run.state == ImportState.DONE
    return run, [(line.fate, line.reasons) for line in run.lines.order_by("number")]


def test_a_file_of_a_french_till_comes_in_whole(shop):
    ProgrammeFactory(goal=10)
    text = HEADER + "Hélène;Dupré;06 12 34 56 78;;23,0;oui;\nLoïc;;;loic@exemple.fr;4;;\n"
    run, fates = imported(shop, text, encoding="cp1252", tag="ancien programme")
    assert fates == [("created", ""), ("created", "")]
    helene = Contact.objects.get(phone="+33612345678")
    assert (helene.first_name, helene.source) == ("Hélène", "import")
    assert (helene.card.balance, helene.card.rewards_ready) == (3, 2)
    assert helene.sms_consent == ConsentState.GRANTED
    proof = helene.consent_events.get()
    assert (proof.source, proof.wording) == ("import", f"import:{run.pk}")
    assert [tag.name for tag in helene.tags.all()] == ["ancien programme"]
    assert Contact.objects.get(email="loic@exemple.fr").card.balance == 4
    assert not Message.objects.exists()
    assert Entry.objects.get(verb="import.done").after["created"] == 2


def test_one_person_once_whatever_the_file_repeats(shop):
    text = HEADER + (
        "Zoé;;0612345678;;3;;\n;Petit;+33 6 12 34 56 78;zoe@exemple.fr;5;;\n"
        "Outre;Mer;0690 12 34 56;;;;\n;;612345678;;;;\n"
    )
    _run, fates = imported(shop, text)
    assert fates == [
        ("created", ""),
        ("updated", "stamps_kept"),
        ("created", ""),
        ("same", ""),
    ]
    zoe = Contact.objects.get(phone="+33612345678")
    assert (zoe.first_name, zoe.last_name, zoe.email) == ("Zoé", "Petit", "zoe@exemple.fr")
    assert zoe.card.balance == 3
    assert Contact.objects.count() == 2


def test_a_known_person_is_completed_and_never_overwritten(shop):
    known = ContactFactory(first_name="Anaïs", last_name="", email="", phone="+33612345678")
    _run, fates = imported(shop, HEADER + "Autre;Roux;0612345678;a@exemple.fr;;;\n")
    known.refresh_from_db()
    assert fates == [("updated", "")]
    assert (known.first_name, known.last_name, known.email) == ("Anaïs", "Roux", "a@exemple.fr")


def test_two_people_of_the_shop_are_not_mixed_by_one_line(shop):
    one = ContactFactory(phone="+33612345678", email="un@exemple.fr")
    ContactFactory(phone="+33698765432", email="deux@exemple.fr")
    text = HEADER + ";;0612345678;deux@exemple.fr;;;\n;;0611223344;deux@exemple.fr;;;\n"
    _run, fates = imported(shop, text)
    assert fates == [("same", "email_taken"), ("same", "phone_kept")]
    one.refresh_from_db()
    assert one.email == "un@exemple.fr"
    assert Contact.objects.count() == 2


def test_a_bad_line_is_refused_with_its_number_and_reason_and_the_rest_comes_in(shop, owner_client):
    text = HEADER + "A;;12;;;;\n;;0612345678;pas-un-mail;sept;;\nB;;;;;;\n"
    run, fates = imported(shop, text)
    assert fates == [("refused", "address"), ("created", "email,stamps"), ("refused", "address")]
    report = owner_client.get(f"{IMPORT}{run.pk}/rapport.csv")
    table = list(csv.reader(io.StringIO(report.getvalue().decode("utf-8-sig")), delimiter=";"))
    assert table[1] == ["2", "refusé", "ni téléphone ni e-mail lisible", ""]
    assert table[2][2].startswith("e-mail illisible, laissé de côté, nombre de tampons illisible")
    page = owner_client.get(f"{IMPORT}{run.pk}/").content.decode()
    assert "Ni téléphone ni e-mail lisible" in page


def test_the_same_file_again_brings_no_stamp_twice(shop):
    text = HEADER + "A;;0612345678;;7;;\n"
    imported(shop, text)
    _run, fates = imported(shop, text)
    assert fates == [("same", "stamps_kept")]
    assert Card.objects.get().balance == 7


def test_a_killed_import_goes_on_where_it_stood(shop, monkeypatch):
    monkeypatch.setattr(People, "batch", 4)
    ProgrammeFactory(goal=10)
    text = HEADER + "".join(f"P{n};;06120000{n:02d};;3;;\n" for n in range(10))
    run = uploaded(shop, text)
    begin(run)
    whole, seen = Takeovers.write, []

    def dies(takeovers):
        seen.append(takeovers)
        if len(seen) == 2:  # in the middle of the second batch: its people are written
            raise SystemExit
        whole(takeovers)

    monkeypatch.setattr(Takeovers, "write", dies)
    with pytest.raises(SystemExit):
        continue_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, Contact.objects.count()) == ("running", 4, 4)
    continue_import(run.pk)
    continue_import(run.pk)  # a job that is run twice does nothing more
    run.refresh_from_db()
    assert (run.state, run.done, run.lines.count()) == ("done", 10, 10)
    assert Movement.objects.count() == 10
    assert set(Card.objects.values_list("balance", flat=True)) == {3}


def test_a_long_import_is_done_in_slices(shop, monkeypatch, run_jobs):
    monkeypatch.setattr(People, "batch", 2)
    ticks = iter(range(10**6))
    begin(run := uploaded(shop, HEADER + "".join(f";;06120000{n:02d};;;;\n" for n in range(9))))
    monkeypatch.setattr("apps.imports.tasks.SLICE", timedelta(seconds=12))
    began = timezone.now()

    class Clock:
        """Each look at it costs five seconds."""

        localdate = staticmethod(timezone.localdate)
        make_aware = staticmethod(timezone.make_aware)

        @staticmethod
        def now():
            return began + timedelta(seconds=5 * next(ticks))

    monkeypatch.setattr("apps.imports.tasks.timezone", Clock)
    monkeypatch.setattr(importing, "timezone", Clock)
    assert run_jobs() > 2
    run.refresh_from_db()
    assert (run.state, run.done, run.lines.count()) == ("done", 9, 9)


def test_the_file_is_kept_apart_and_removed_after_the_run(shop, django_capture_on_commit_callbacks):
    run = uploaded(shop, HEADER + ";;0612345678;;;;\n")
    assert run.file.startswith(f"{shop.schema_name}/imports/")
    kept = run.file
    assert storage.default_storage.exists(kept)
    begin(run)
    with django_capture_on_commit_callbacks(execute=True):
        continue_import(run.pk)
    assert not storage.default_storage.exists(kept)
    draft = uploaded(shop, HEADER + ";;0612345679;;;;\n")
    with django_capture_on_commit_callbacks(execute=True):
        drop(draft, by=SYSTEM)
    assert not storage.default_storage.exists(draft.file)
    assert not ImportRun.objects.exclude(file="").exists()


def test_files_left_lying_are_forgotten(shop):
    run = uploaded(shop, HEADER + ";;0612345678;;;;\n")
    name = run.file
    ImportRun.objects.update(created_at=timezone.now() - timedelta(days=3))
    use_public()
    forget_drafts()
    assert not storage.default_storage.exists(name)


def test_a_consent_column_needs_an_origin(shop):
    run = uploaded(shop, HEADER + ";;0612345678;;;oui;\n")
    with pytest.raises(OriginMissing):
        begin(run, consent_origin="")
    mapping = {k: v for k, v in run.mapping.items() if not k.endswith("consent")}
    begin(run, mapping=mapping, consent_origin="")


def test_a_proof_is_never_rewritten(shop):
    known = ContactFactory(agreeing=True, phone="+33612345678")
    pending = ContactFactory(phone="+33612345679", sms_consent=ConsentState.PENDING)
    imported(shop, HEADER + ";;0612345678;;;oui;oui\n;;0612345679;;;oui;\n")
    assert not known.consent_events.exists()
    pending.refresh_from_db()
    assert pending.sms_consent == ConsentState.PENDING


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(["oui", "OUI", "x", "1", "opt-in", "Accepté"]),
    st.sampled_from(["0612345678", "+33 6 12 34 56 78", "612345678", '="0612345678"']),
    st.booleans(),
)
def test_an_import_never_undoes_a_stop(shop, yes, phone, gone):
    Contact.objects.filter(phone="+33612345678").update(phone="")
    person = ContactFactory(agreeing=True, phone="+33612345678", email="")
    write_consent(person, "sms", ConsentState.WITHDRAWN, source="reply", by=SYSTEM)
    if gone:  # the record lost the number: the address itself is remembered
        Contact.objects.filter(pk=person.pk).update(phone="")
    _run, fates = imported(shop, f"{HEADER};;{phone};;;{yes};\n")
    assert has_opposed("sms", "+33612345678")
    assert not Contact.objects.reachable_by("sms").filter(phone="+33612345678").exists()
    assert "stopped" in fates[0][1]


def test_a_stop_in_the_file_is_heard(shop):
    known = ContactFactory(agreeing=True, phone="+33612345678")
    imported(shop, HEADER + ";;0612345678;;;STOP;non\n")
    known.refresh_from_db()
    assert known.sms_consent == ConsentState.WITHDRAWN
    assert known.email_consent == ConsentState.GRANTED


def test_a_yes_to_whatsapp_comes_in_where_the_shop_writes_by_it(shop, owner_client):
    columns = "Téléphone;Accord SMS;Accord WhatsApp\n"
    text = columns + "0612345678;;oui\n0612345679;oui;oui\n0612345680;oui;STOP\n"
    assert "whatsapp_consent" not in uploaded(shop, text).mapping
    shop.sells_alcohol, shop.whatsapp_on = False, True
    shop.save()
    stopped = ContactFactory(phone="+33612345679")
    write_consent(stopped, "whatsapp", ConsentState.WITHDRAWN, source="reply", by=SYSTEM)
    ContactFactory(phone="+33612345680", ways={"whatsapp": {"consent": "granted"}})
    run = uploaded(shop, text)
    page = owner_client.get(f"{IMPORT}{run.pk}/").text
    assert "Accord WhatsApp</option>" in page
    assert '<span class="chip bad">WhatsApp stop</span>' in page
    with pytest.raises(OriginMissing):
        begin(run, mapping={"phone": 0, "whatsapp_consent": 2}, consent_origin="")
    begin(run)
    continue_import(run.pk)
    assert [line.reasons for line in run.lines.order_by("number")] == ["", "stopped", ""]
    reached = Contact.objects.reachable_by("whatsapp").values_list("phone", flat=True)
    assert list(reached) == ["+33612345678"]
    assert has_opposed("whatsapp", "+33612345680")
    proof = ConsentEvent.objects.get(contact__phone="+33612345678")
    assert (proof.channel, proof.state, proof.source) == ("whatsapp", "granted", "import")
    assert proof.wording == f"import:{run.pk}"


def send(client, text, name="clients.csv", **more):
    file = SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())
    return client.post(f"{IMPORT}clients/", {"file": file, **more})


def test_the_owner_walks_from_file_to_report(owner_client, run_jobs):
    answer = send(owner_client, HEADER + "Zoé;;612345678;;12;oui;\nMarc;;12;;;;\n")
    assert answer.status_code == 302
    place = answer["Location"]
    page = owner_client.get(place).content.decode()
    assert "06\u00a012\u00a034\u00a056\u00a078" in page
    assert "Sera refusé" in page
    assert not Contact.objects.exists()
    columns = {"column_0": "first_name", "column_2": "phone", "column_4": "stamps"}
    preview = owner_client.post(place, {**columns, "act": "preview"}, HTTP_HX_REQUEST="true")
    assert preview.content.decode().strip().startswith("<section")
    twice = owner_client.post(place, {**columns, "column_3": "phone", "act": "start"})
    assert twice.status_code == 422
    assert "Une autre colonne est déjà « Téléphone »" in twice.content.decode().replace(
        "\u00a0", " "
    )
    none = owner_client.post(place, {"column_0": "first_name", "act": "start"})
    assert "Dites quelle colonne contient le téléphone" in none.content.decode()
    owner_client.post(place, {**columns, "tag": "ancienne carte", "act": "start"})
    during = owner_client.get(place).content.decode()
    assert "<progress" in during
    assert "0</b> sur 2 lignes" in during
    run_jobs()
    done = owner_client.get(place).content.decode()
    assert "Import terminé" in done
    assert Contact.objects.get().card.balance == 2
    poll = owner_client.get(place, HTTP_HX_REQUEST="true")
    assert poll["HX-Refresh"] == "true"


def test_a_file_that_is_too_big_or_no_csv_is_told_in_french(owner_client, settings):
    settings.MAX_IMPORT_BYTES = 100
    big = send(owner_client, "x" * 200)
    assert big.status_code == 413
    assert "Coupez-le en plusieurs fichiers" in big.content.decode()
    workbook = send(owner_client, b"PK\x03\x04....", name="clients.xlsx")
    assert workbook.status_code == 422
    assert "Enregistrer sous" in workbook.content.decode()
    assert send(owner_client, b"").status_code == 422
    assert owner_client.post(f"{IMPORT}clients/").status_code == 422
    assert not ImportRun.objects.exists()


def test_a_badly_guessed_file_is_read_again_as_told(owner_client, shop):
    run = uploaded(shop, HEADER + "Zoé;;0612345678;;;;\n")
    place = f"{IMPORT}{run.pk}/"
    other = {"act": "layout", "encoding": "cp1252", "separator": ";", "header": "on"}
    assert owner_client.post(place, other).status_code == 302
    assert "ZoÃ©" in owner_client.get(place).content.decode()
    assert owner_client.post(place, {"act": "drop"})["Location"] == f"{IMPORT}clients/"
    assert owner_client.get(place).status_code == 404


def test_an_import_that_stands_still_can_be_taken_up(owner_client, shop, run_jobs):
    run = uploaded(shop, HEADER + "Zoé;;0612345678;;;;\n")
    ImportRun.objects.update(state="running", touched_at=timezone.now() - timedelta(minutes=10))
    assert "Reprendre" in owner_client.get(f"{IMPORT}{run.pk}/").content.decode()
    owner_client.post(f"{IMPORT}{run.pk}/reprendre/")
    run_jobs()
    run.refresh_from_db()
    assert run.state == "done"
