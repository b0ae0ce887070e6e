"""The owner at the desk: writes, reads once more, issues, notes what was paid, corrects."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.catalog.models import PurchaseSource
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.catalog.services.purchases import LineWords, record_purchase
from apps.core.roles import Role
from apps.invoicing.models import Draft, Invoice, Payment
from apps.shops.models import Shop
from tests.conftest import ShopClient
from tests.factories import ContactFactory
from tests.invoicing.writing import HOTEL, OWNER, bottles, issued, paid

NEW = "/gestion/factures/nouvelle/"


def form(*lines, **more):
    """What the form posts: lines as (label, quantity, price, discount, vat)."""
    typed = {
        "is_business": "",
        "name": "Claire Dupont",
        "street": "3 rue du Lac",
        "postal_code": "21000",
        "city": "Dijon",
        "country": "FR",
        "taxed": "1",
        "operation": "goods",
        "l-TOTAL_FORMS": len(lines),
        "l-INITIAL_FORMS": 0,
    }
    for turn, line in enumerate(lines):
        for name, value in zip(
            ("label", "quantity", "price", "discount", "vat"), line, strict=True
        ):
            typed[f"l-{turn}-{name}"] = value
    return typed | more


MORGON = ("Morgon 2022", "3", "14,90", "", "2000")
COMPANY = {"is_business": "1", "name": "Hôtel de la Poste", "siren": "552 100 554"}


def text(answer):
    return re.sub(r"\s+", " ", answer.content.decode().replace("\u202f", " ").replace("\xa0", " "))


def test_from_a_form_to_an_issued_invoice(owner_client, seller):
    answer = owner_client.post(NEW, form(MORGON), follow=True)
    page = text(answer)
    assert "À relire avant d’émettre" in page
    assert "Émettre la facture de 44,70 €" in page
    draft = Draft.objects.get()
    answer = owner_client.post(reverse("invoice_issue", args=[draft.pk]), follow=True)
    page = text(answer)
    year = timezone.localdate().year
    assert f"La facture F{year}-00001 est émise." in page
    for mention in ("RCS Dijon 732 829 320", "FR44732829320", "Claire Dupont", "Vente de biens"):
        assert mention in page
    assert "Pénalités de retard" not in page
    assert not Draft.objects.exists()


def test_a_form_sent_twice_is_one_draft(owner_client, seller):
    page = owner_client.get(NEW).content.decode()
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    for _ in range(2):
        assert owner_client.post(NEW, form(MORGON, token=token)).status_code == 302
    assert Draft.objects.count() == 1


def test_a_company_s_invoice_names_what_late_payment_costs(owner_client, seller):
    owner_client.post(NEW, form(MORGON, **COMPANY))
    page = text(owner_client.get(Draft.objects.get().get_absolute_url()))
    assert "SIREN 552 100 554" in page
    assert "Pénalités de retard : trois fois le taux d’intérêt légal." in page
    assert "frais de recouvrement : 40 €" in page
    assert "Pas d’escompte pour paiement anticipé." in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (form(MORGON, is_business="1"), "une entreprise française porte son SIREN"),
        (form(MORGON, **{**COMPANY, "siren": "552100555"}), "Ce n’est pas un SIREN"),
        (form(MORGON, **COMPANY, vat_number="FR00552100554"), "Ce numéro de TVA n’existe pas"),
        (form(MORGON, postal_code="2100"), "Un code postal a cinq chiffres"),
        (form(("Morgon", "0", "14,90", "", "2000")), "Cette quantité n’est pas possible"),
        (form(("Morgon", "-1", "14,90", "", "2000")), "Cette quantité n’est pas possible"),
        (form(("Morgon", "1,2345", "14,90", "", "2000")), "Trois chiffres après la virgule"),
        (form(("Morgon", "1", "14,905", "", "2000")), "Écrivez le montant comme 42,50."),
        (form(("Morgon", "1", "-14,90", "", "2000")), "Ce montant n’est pas possible"),
        (form(("Morgon", "1", "14,90", "20,00", "2000")), "La remise dépasse la ligne."),
        (form(("Morgon", "1", "14,90", "120 %", "2000")), "Cette remise n’est pas possible."),
        (form(("Morgon", "1", "14,90", "", "")), "Choisissez le taux."),
        (form(("Morgon", "1", "14,90", "", "1960")), "n’en fait pas partie"),
        (form(("", "1", "14,90", "", "2000")), "Que facturez-vous à ce prix"),
        (form(("Morgon", "1", "0", "", "2000")), "un total au-dessus de zéro"),
        (form(MORGON, delivery_city="Nuits"), "Une adresse de livraison se donne en entier."),
    ],
)
def test_a_slip_is_named_beside_its_field_and_what_was_typed_stays(
    owner_client, seller, typed, sentence
):
    answer = owner_client.post(NEW, typed)
    assert answer.status_code == 422
    page = text(answer)
    assert sentence in page
    assert typed["name"] in page
    assert not Draft.objects.exists()


def _catalogue(vat=2000):
    words = ProductWords("Chablis", "wine", [VariantWords(1850, "75 cl")], vat=vat)
    return save_product(words, by=OWNER, now=timezone.now()).variants.get()


def test_an_article_of_the_catalogue_comes_with_its_price_and_its_vat(owner_client, seller):
    _catalogue()
    owner_client.post(NEW, form(("chablis, 75 CL", "2", "", "", "")))
    (line,) = Draft.objects.get().words["lines"]
    assert (line["unit_cents"], line["vat"]) == (1850, 2000)


def test_the_page_fills_in_what_it_knows_and_judges_nothing_yet(owner_client, seller):
    _catalogue()
    answer = owner_client.post(NEW, form(("Chablis, 75 cl", "2", "", "", ""), name="", fill="1"))
    assert answer.status_code == 200
    assert 'value="18,50"' in answer.content.decode()
    answer = owner_client.post(NEW, form(MORGON, more="1"))
    assert 'name="l-1-label"' in answer.content.decode()


def test_overseas_a_product_takes_the_local_rate(owner_client, seller):
    Shop.objects.filter(pk=seller.pk).update(region="RE", postal_code="97400")
    _catalogue(2000)
    owner_client.post(NEW, form(("Chablis, 75 cl", "1", "", "", "")))
    assert Draft.objects.get().words["lines"][0]["vat"] == 850


def test_a_recorded_purchase_is_invoiced_once(owner_client, seller):
    person = ContactFactory(first_name="Hélène", last_name="Roy", postal_code="21200")
    bottle = _catalogue()
    lines = [LineWords("Chablis", 3700, 2, bottle), LineWords("Verre", 1000, 3)]
    purchase, _ = record_purchase(
        contact=person,
        amount_cents=4700,
        at=timezone.now(),
        source=PurchaseSource.TILL,
        reference="T-1",
        lines=lines,
    )
    page = text(owner_client.get(reverse("invoice_purchases")))
    assert f"{NEW}?achat={purchase.pk}" in page
    page = owner_client.get(f"{NEW}?achat={purchase.pk}").content.decode()
    for value in ('value="Hélène Roy"', 'value="18,50"', 'value="3 × Verre"', 'value="10,00"'):
        assert value in page
    sold = ("Chablis", "2", "18,50", "", "2000")
    for _ in range(2):
        owner_client.post(f"{NEW}?achat={purchase.pk}", form(sold))
    first, second = Draft.objects.order_by("pk")
    owner_client.post(reverse("invoice_issue", args=[first.pk]))
    assert Invoice.objects.get().purchase == purchase
    assert Invoice.objects.get().contact == person
    answer = owner_client.post(reverse("invoice_issue", args=[second.pk]))
    assert answer.status_code == 422
    assert "est déjà sur la facture" in text(answer)
    assert "?achat=" not in text(owner_client.get(reverse("invoice_purchases")))


def test_what_the_shop_has_not_said_is_asked_for_where_it_is_typed(owner_client, shop):
    owner_client.post(NEW, form(MORGON))
    draft = Draft.objects.get()
    page = owner_client.get(draft.get_absolute_url()).content.decode()
    assert f'<a href="{reverse("settings_identity")}">votre raison sociale</a>' in page
    assert f'<a href="{reverse("settings_invoicing")}">votre immatriculation</a>' in page
    assert owner_client.post(reverse("invoice_issue", args=[draft.pk])).status_code == 422
    assert not Invoice.objects.exists()


def test_the_owner_says_what_invoices_say(owner_client, seller):
    page = reverse("settings_invoicing")
    typed = {
        "legal_form": "EI",
        "registration": "RCS Dijon 732 829 320",
        "vat_number": "FR 44 732 829 320",
        "exemption": "TVA non applicable, art. 293 B du CGI",
        "days_to_pay": "30",
        "penalty": "12 % l’an",
        "indemnity_cents": "40,00",
        "early_discount": "Néant",
        "iban": "FR76 3000 6000 0112 3456 7890 189",
    }
    assert owner_client.post(page, typed).status_code == 302
    facts = issued(buyer=HOTEL).record.facts
    assert facts["seller"]["vat_number"] == "FR44732829320"
    assert facts["seller"]["iban"] == "FR7630006000011234567890189"
    assert facts["mentions"]["penalty"] == "12 % l’an"
    wrong = {"iban": "FR76 3000 6000 0112 3456 7890 188", "days_to_pay": "90", "vat_number": "FR1"}
    page = text(owner_client.post(page, typed | wrong))
    for sentence in ("Cet IBAN a un chiffre de travers", "60 jours au plus", "n’existe pas"):
        assert sentence in page


def test_a_payment_is_noted_and_an_error_taken_back(owner_client, seller):
    invoice = issued()
    page = owner_client.get(invoice.get_absolute_url())
    assert 'value="12,00"' in page.content.decode()
    token = re.search(r'name="token" value="([^"]+)"', page.content.decode())[1]
    typed = {"token": token, "amount": "12", "method": "cash", "paid_on": "2026-11-20"}
    for _ in range(2):  # the same gesture, sent again
        assert owner_client.post(f"{invoice.get_absolute_url()}paiement/", typed).status_code == 302
    payment = Payment.objects.get()
    assert "payée" in text(owner_client.get(invoice.get_absolute_url()))
    owner_client.post(reverse("payment_reverse", args=[payment.pk]))
    page = text(owner_client.get(invoice.get_absolute_url()))
    assert "Reste à payer" in page
    assert "reprise d’une erreur" in page


def test_more_than_is_owed_is_refused_in_a_sentence(owner_client, seller):
    invoice = issued()
    typed = {"token": "0" * 32, "amount": "20", "method": "cash", "paid_on": "2026-11-20"}
    answer = owner_client.post(f"{invoice.get_absolute_url()}paiement/", typed)
    assert answer.status_code == 422
    assert "il reste 12,00 € à payer" in text(answer)


def test_a_part_is_credited_from_the_page(owner_client, seller):
    invoice = issued(bottles(3), bottles(2, 500, label="Verre"))
    page = reverse("credit_note", args=[invoice.number])
    answer = owner_client.get(page).content.decode()
    token = re.search(r'name="token" value="([^"]+)"', answer)[1]
    typed = {"token": token, "reason": "Casse", "line-0": "1", "line-1": "0"}
    assert owner_client.post(page, typed).status_code == 302
    note = Invoice.objects.get(type="credit")
    assert note.total_cents == -1200
    shown = text(owner_client.get(note.get_absolute_url()))
    assert f"Corrige la facture {invoice.number} du" in shown
    assert "Casse" in shown
    again = owner_client.post(page, typed | {"token": "1" * 32, "line-0": "3"})
    assert "Il n’en reste que 2 à annuler." in text(again)
    nothing = owner_client.post(page, typed | {"token": "2" * 32, "line-0": "0"})
    assert "Choisissez ce que l’avoir annule." in text(nothing)


def test_the_list_says_where_each_stands(owner_client, seller):
    now = timezone.now()
    settled, late = issued(at=now), issued(buyer=HOTEL, at=now)
    paid(settled, 1200, at=now)
    page = text(owner_client.get(reverse("invoices")))
    assert "payée" in page
    assert "à payer" in page
    page = text(owner_client.get(reverse("invoices"), {"state": "unpaid"}))
    assert late.number in page
    assert settled.number not in page
    page = text(owner_client.get(reverse("invoices"), {"q": "hotel poste"}))
    assert late.number in page
    assert settled.number not in page


def test_a_page_of_invoices_asks_no_more_for_fifty_than_for_two(owner_client, seller):
    def asked():
        with CaptureQueriesContext(connection) as told:
            owner_client.get(reverse("invoices"))
        return len(told)

    issued()
    issued()
    few = asked()
    for _ in range(8):
        issued()
    assert asked() == few <= 15


def test_a_helper_sees_no_invoice_and_a_manager_does(shop, member):
    assert ShopClient(shop).enter(member(Role.HELPER)).get(reverse("invoices")).status_code == 403
    assert ShopClient(shop).enter(member(Role.MANAGER)).get(reverse("invoices")).status_code == 200


def test_who_has_nothing_yet_is_shown_how_to_begin(owner_client):
    assert "Une facture en trois gestes" in text(owner_client.get(reverse("invoices")))
    assert "Pas encore de clôture" in text(owner_client.get(reverse("closures")))
    assert "Aucun achat noté" in text(owner_client.get(reverse("invoice_purchases")))
