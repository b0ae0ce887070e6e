"""What a shop prints: its words as they are, a code that is read, sheets a printer can cut."""

import io
from datetime import timedelta

import pypdf
import pypdfium2
import pytest
import zxingcpp
from django.core.files import storage  # not default_storage: pytest would wake it while collecting
from django.utils import timezone
from PIL import Image

from apps.contacts.models import Contact, Source
from apps.loyalty import printing
from apps.loyalty.printing import SUPPORTS, digest_of, draw, sheets, stored_name
from apps.loyalty.rule import Kind, Offer
from apps.loyalty.services import the_programme
from apps.shops.models import Shop
from tests.factories import ContactFactory, ProgrammeFactory

ODD = 'Cave #1 *du* $Marché$ "& Fils" <b> \\n'
MM = 72 / 25.4
A4, A6, ONE_STICKER = (210, 297), (105, 148), (60, 60)
SHEETS = {"poster": A4, "stand": A6, "tent": A4, "sticker": A4}
CODES = {"poster": 1, "stand": 1, "tent": 2, "sticker": 12}
each_support = pytest.mark.parametrize("key", SUPPORTS)


def read(pdf):
    return pypdf.PdfReader(io.BytesIO(pdf))


def words(text):
    return "".join(text.split())


def size(box):
    left, bottom, right, top = (float(side) for side in box)
    return round((right - left) / MM, 1), round((top - bottom) / MM, 1)


def codes(pdf):
    """What a phone reads on the sheet as a PDF viewer draws it."""
    picture = pypdfium2.PdfDocument(pdf)[0].render(scale=100 / 72).to_pil()
    return [found.text for found in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize(("name", "goal"), [("Cave du Marché", 10), (ODD, 20), ("É" * 60, 2)])
@each_support
def test_a_name_is_printed_as_it_is_written_on_one_sheet(shop, key, name, goal):
    reward = "Une caisse de #6 bouteilles *choisies* avec vous, à l’avance $ et livrée"
    programme = ProgrammeFactory.build(reward=reward, goal=goal)
    pages = read(draw(Shop(name=name, slug="x", accent="#f2c14e"), programme, key)).pages
    assert len(pages) == 1
    text = words(pages[0].extract_text())
    assert words(name) in text
    assert words(reward) in text or key == "sticker"


@each_support
def test_a_phone_reads_the_shops_address_and_which_support_showed_it(shop, key):
    via = "" if key == "poster" else f"?via={key}"
    assert codes(draw(shop, ProgrammeFactory.build(), key)) == [f"{shop.url}/{via}"] * CODES[key]
    assert set(codes(draw(shop, ProgrammeFactory.build(), key, "printer"))) == {f"{shop.url}/{via}"}


@pytest.mark.parametrize("accent", ["#ffffff", "#000000", "#f2c14e", "#6d1a36"])
@each_support
def test_the_code_is_read_in_every_colour_from_the_preview_too(shop, key, accent):
    picture = draw(
        Shop(name="Cave", slug="cave", accent=accent), ProgrammeFactory.build(), key, "png"
    )
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert len(found) == CODES[key]


@each_support
def test_a_sheet_has_its_size_is_tagged_titled_and_carries_its_fonts(shop, key):
    found = read(draw(shop, ProgrammeFactory.build(), key))
    assert size(found.pages[0].mediabox) == size(found.pages[0].trimbox) == SHEETS[key]
    assert found.metadata.title.startswith("Prenez votre carte")
    assert found.trailer["/Root"]["/Lang"] == "fr"
    assert found.trailer["/Root"]["/MarkInfo"]["/Marked"]
    fonts = found.pages[0]["/Resources"]["/Font"].values()
    names = {font.get_object()["/BaseFont"].split("+")[-1] for font in fonts}
    assert any("Fraunces" in name for name in names)
    assert any("Instrument" in name for name in names)
    for font in fonts:
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & descriptor.keys()


@each_support
def test_the_printer_gets_three_millimetres_beyond_the_cut_and_marks_outside_of_them(shop, key):
    found = read(draw(shop, ProgrammeFactory.build(), key, "printer"))
    assert found.trailer["/Root"]["/MarkInfo"]["/Marked"]
    (page,) = found.pages
    wide, high = ONE_STICKER if key == "sticker" else SHEETS[key]
    assert size(page.trimbox) == (wide, high)
    assert size(page.bleedbox) == (wide + 6, high + 6)
    assert size(page.mediabox) == (wide + 20, high + 20)
    assert [round(float(side) / MM) for side in page.trimbox[:2]] == [10, 10]
    picture = pypdfium2.PdfDocument(draw(shop, ProgrammeFactory.build(), key, "printer"))[0]
    drawn = picture.render(scale=254 / 72).to_pil().convert("RGB")  # ten points a millimetre

    def at(x, y):
        return drawn.getpixel((round(x * 10), round(y * 10)))

    middle = 10 + wide / 2
    assert at(middle, 7.5) == at(middle, 10.5) != (255, 255, 255)  # the colour goes on
    assert at(middle, 6.5) == (255, 255, 255)
    marks = [at(10 + dx, 3.5) for dx in (-0.1, 0, 0.1)] + [
        at(3.5, 10 + dy) for dy in (-0.1, 0, 0.1)
    ]
    assert min(marks) < (200, 200, 200)


@pytest.mark.parametrize("kind", Kind)
@each_support
def test_every_kind_of_programme_is_said_in_what_it_counts(shop, key, kind):
    steps = [Offer(kind.unit * at, f"Un verre {at}").kept() for at in (5, 7, 8)]
    rule = ProgrammeFactory.build(kind=kind, goal=12 * kind.unit, steps=steps)
    text = words(read(draw(shop, rule, key)).pages[0].extract_text())
    assert words(kind.said(rule.goal)) in text or key == "sticker"
    assert ("Unverre7" in text) == (key == "poster")
    assert len(codes(draw(shop, rule, key))) == CODES[key]


def test_only_alcohol_carries_the_warning(shop):
    dry = Shop(name="Café", slug="cafe", sells_alcohol=False)
    for key, said in {"poster": 1, "stand": 1, "tent": 2, "sticker": 0}.items():
        texts = [
            words(read(draw(s, ProgrammeFactory.build(), key)).pages[0].extract_text())
            for s in (shop, dry)
        ]
        assert [text.count("dangereux") for text in texts] == [said, 0]


def test_a_card_knows_the_support_it_was_taken_from(shop, visitor):
    ProgrammeFactory()
    for key, phone in (
        ("tent", "0612345601"),
        ("sticker", "0612345602"),
        ("nonsense", "0612345603"),
    ):
        page = visitor.get(f"/?via={key}").content.decode()
        assert f'name="via" value="{key}"' in page
        typed = {"key": page.split('name="key" value="')[1][:36], "via": key}
        visitor.post("/rejoindre/", {**typed, "first_name": "Léa", "phone": phone, "adult": "on"})
    sources = Contact.objects.order_by("phone").values_list("source", flat=True)
    assert list(sources) == [Source.TENT, Source.STICKER, Source.POSTER]


def test_the_worker_draws_and_the_page_follows(shop, owner_client, run_jobs):
    ProgrammeFactory()
    page = owner_client.get("/gestion/fidelite/supports/").content.decode()
    assert "0 sur 4 prêts" in page
    assert 'hx-trigger="every 1s"' in page
    run_jobs()
    part = owner_client.get("/gestion/fidelite/supports/", headers={"HX-Request": "true"})
    assert "every 1s" not in part.content.decode()
    digest = digest_of(shop, the_programme(), "poster")
    at = f"/gestion/fidelite/supports/poster/{digest}"
    for form, begins in (("pdf", b"%PDF"), ("printer", b"%PDF"), ("png", b"\x89PNG")):
        answer = owner_client.get(f"{at}/{form}/")
        assert answer.getvalue().startswith(begins)
    assert owner_client.get(f"{at}/exe/").status_code == 404


def test_what_changed_is_drawn_anew_and_what_was_is_gone(shop, owner_client, run_jobs):
    programme = ProgrammeFactory()
    owner_client.get("/gestion/fidelite/supports/")
    run_jobs()
    before = digest_of(shop, programme, "poster")
    owner_client.get("/gestion/fidelite/supports/")
    assert run_jobs() == 0  # everything lies there
    programme.reward = "Deux bouteilles"
    programme.save()
    assert not any(sheet.made for sheet in sheets(shop, programme) if sheet.support.key == "poster")
    owner_client.get("/gestion/fidelite/supports/")
    run_jobs()
    assert all(sheet.made for sheet in sheets(shop, programme))
    assert not storage.default_storage.exists(stored_name("poster", before, "pdf"))
    old = owner_client.get(f"/gestion/fidelite/supports/poster/{before}/pdf/")
    assert old["Location"] == "/gestion/fidelite/supports/"


def test_each_support_says_how_many_cards_it_brought(
    shop, owner_client, django_assert_max_num_queries
):
    ProgrammeFactory()
    ContactFactory.create_batch(3, source=Source.TENT)
    ContactFactory(source=Source.TENT, created_at=timezone.now() - timedelta(days=91))
    with django_assert_max_num_queries(9):
        page = owner_client.get("/gestion/fidelite/supports/").content.decode()
    assert '<b class="num">3</b> cartes prises ici en 90 jours' in page
    assert page.count("Aucune carte prise ici") == 3


def test_helpers_do_not_print(helper_client):
    assert helper_client.get("/gestion/fidelite/supports/").status_code == 403


def test_drawing_twice_at_once_is_drawing_once(shop):
    ProgrammeFactory()
    printing.make(shop, "stand")
    printing.make(shop, "stand")
    _folders, files = storage.default_storage.listdir(f"{shop.schema_name}/print")
    assert len([file for file in files if file.startswith("stand-")]) == 3
