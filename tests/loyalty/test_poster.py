"""The poster: one sheet, the shop's words as they are, a code that opens the form."""

import io

import pypdf
import pytest

from apps.loyalty import poster
from apps.shops.models import Shop
from tests.factories import ProgrammeFactory

ODD = 'Cave #1 *du* $Marché$ "& Fils" <b> \\n'


def read(pdf):
    return pypdf.PdfReader(io.BytesIO(pdf))


def words(text):
    return "".join(text.split())


@pytest.mark.parametrize(("name", "goal"), [("Cave du Marché", 10), (ODD, 20), ("É" * 60, 2)])
def test_a_name_is_printed_as_it_is_written_on_one_sheet(shop, name, goal):
    reward = "Une caisse de #6 bouteilles *choisies* avec vous, à 12,50 $ l’une, livrée"
    programme = ProgrammeFactory.build(reward=reward, goal=goal)
    made = poster.draw_poster(Shop(name=name, slug="x"), programme)
    pages = read(made).pages
    assert len(pages) == 1
    text = words(pages[0].extract_text())
    assert words(name) in text
    assert words(reward) in text
    assert [round(side) for side in pages[0].mediabox[2:]] == [595, 842]


def test_the_sheet_is_tagged_titled_and_carries_its_fonts(shop):
    found = read(poster.draw_poster(shop, ProgrammeFactory.build()))
    assert found.metadata.title == "Prenez votre carte"
    assert found.trailer["/Root"]["/Lang"] == "fr"
    assert found.trailer["/Root"]["/MarkInfo"]["/Marked"]
    fonts = found.pages[0]["/Resources"]["/Font"].values()
    names = {font.get_object()["/BaseFont"].split("+")[-1] for font in fonts}
    assert any("Fraunces" in name for name in names)
    assert any("Instrument" in name for name in names)
    for font in fonts:
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & descriptor.keys()


def test_the_code_leads_to_the_form(shop, visitor, monkeypatch):
    said, drawn = [], poster.qr_svg
    monkeypatch.setattr(poster, "qr_svg", lambda url: said.append(url) or drawn(url))
    poster.draw_poster(shop, ProgrammeFactory.build())
    assert said == [f"{shop.url}/"]
    assert "data-join" in visitor.get("/").content.decode()


def test_only_alcohol_carries_the_warning(shop):
    dry = Shop(name="Café", slug="cafe", sells_alcohol=False)
    texts = [
        words(read(poster.draw_poster(s, ProgrammeFactory.build())).pages[0].extract_text())
        for s in (shop, dry)
    ]
    assert ["dangereux" in text for text in texts] == [True, False]


def test_the_owner_sees_and_prints_it(owner_client, helper_client):
    assert "affiche.png" in owner_client.get("/gestion/fidelite/affiche/").content.decode()
    pdf = owner_client.get("/gestion/fidelite/affiche.pdf")
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    assert owner_client.get("/gestion/fidelite/affiche.png").content.startswith(b"\x89PNG")
    assert helper_client.get("/gestion/fidelite/affiche.pdf").status_code == 403
