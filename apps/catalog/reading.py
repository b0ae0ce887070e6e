"""What a line of a file of products says: one format of one product."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.catalog.details import (
    DETAILS,
    LONGEST,
    VAT,
    Detail,
    Kind,
    WrongDetail,
    clean,
    is_ean,
    shown,
)
from apps.core.french import search_key
from apps.imports.cells import read_amount, read_units
from apps.imports.intake import cell_of

_FREE = {one.name: one for details in DETAILS.values() for one in details}
FIELDS: dict[str, str | Promise] = {
    "name": _("Produit"),
    "kind": _("Sorte"),
    "label": _("Format, taille"),
    "price": _("Prix TTC"),
    "sku": _("Référence"),
    "ean": _("Code-barres"),
    "stock": _("Stock"),
    "vat": _("TVA"),
    "description": _("Description"),
    **{name: one.label for name, one in _FREE.items()},
}
NAMES = {
    "name": "produit|nom|nom du produit|article|designation|libelle|libelle article|cuvee|modele|"
    "product|product name|name|title|item",
    "kind": "sorte|type|categorie|famille|rayon|kind|category|product type",
    "label": "format|taille|contenance|pointure|declinaison|variante|conditionnement|format taille|"
    "size|variant|volume",
    "price": "prix|prix ttc|prix de vente|prix vente ttc|pv ttc|prix public|tarif|price|pvp",
    "sku": "reference|ref|sku|code|code article|code produit|reference article",
    "ean": "code barres|code barre|ean|ean13|gtin|upc|gencod|gencode|barcode",
    "stock": "stock|quantite|qte|quantite en stock|stock reel|disponible|inventory|quantity|qty",
    "vat": "tva|taux de tva|taux tva|vat|tax",
    "description": "description|descriptif|commentaire|notes",
    "region": "region|vignoble",
    "colour": "couleur|couleur du vin|colour|color",
    "brand": "marque|brand|fabricant",
    "appellation": "appellation|aoc|aop",
    "producer": "domaine|domaine maison|producteur|maison|chateau|vigneron|producer|winery",
    "vintage": "millesime|annee|vintage|year",
    "grape": "cepage|cepages|grape|grapes",
    "origin": "origine|pays|provenance|origin|country",
    "style": "style",
    "age": "age|finition|age finition",
    "colourway": "coloris|colorway",
    "condition": "etat|condition",
    "fabric": "matiere|tissu|fabric",
    "minutes": "duree|minutes",
}
# What shops write for a kind, beside its own words.
_KINDS = {
    Kind.WINE: "vin|vins|vin rouge|vin blanc|vin rose|vins rouges|vins blancs|vins roses|wine",
    Kind.SPARKLING: "champagne|champagnes|cremant|cremants|effervescent|effervescents|bulles|"
    "mousseux|petillant|sparkling",
    Kind.SPIRIT: "spiritueux|whisky|rhum|gin|cognac|armagnac|liqueur|eau de vie|spirits",
    Kind.BEER: "biere|bieres|cidre|cidres|beer",
    Kind.DRINK: "cafe|cafes|the|thes|boisson|boissons|jus|infusion|coffee|tea",
    Kind.FOOD: "epicerie|patisserie|gateau|gateaux|viennoiserie|fromage|conserve|food",
    Kind.SHOES: "chaussure|chaussures|basket|baskets|sneaker|sneakers|shoes",
    Kind.CLOTHES: "vetement|vetements|accessoire|accessoires|textile|clothes",
    Kind.CARE: "soin|soins|prestation|prestations|coupe|service",
    Kind.OTHER: "autre|autres|divers|other",
}
_BY_KIND = {name: kind for kind, names in _KINDS.items() for name in names.split("|")}
_ALSO = {
    "region": "vallee du rhone=rhone|cotes du rhone=rhone|savoie=savoie|bugey=savoie|"
    "val de loire=loire|vallee de la loire=loire|languedoc roussillon=languedoc|"
    "monde=etranger|etranger=etranger|sud ouest=sud-ouest|burgundy=bourgogne",
    "colour": "red=rouge|white=blanc|doux=moelleux|liquoreux=moelleux|r=rouge|b=blanc",
    "condition": "new=neuf|used=occasion|reedition=reedition",
}
_SYNONYMS = {
    name: dict(pair.split("=") for pair in pairs.split("|")) for name, pairs in _ALSO.items()
}


def read_kind(cell: str) -> str:
    """``vin``, ``Bières``, ``Chaussure``: a kind, or empty."""
    key = search_key(cell)
    labels = {search_key(str(kind.label)): kind for kind in Kind}
    found = _BY_KIND.get(key) or labels.get(key)
    return str(found.value) if found else ""


def read_choice(detail: Detail, cell: str) -> str:
    """The choice that a cell names, by its code or its words; free text stays as it is."""
    if detail.choices is None:
        return cell[:LONGEST]
    key = search_key(cell)
    words = {search_key(str(label)): code for code, label in detail.choices.items()}
    codes = {search_key(code): code for code in detail.choices}
    return words.get(key) or codes.get(key) or _SYNONYMS.get(detail.name, {}).get(key, "")


def read_vat(cell: str) -> int | None:
    """``20``, ``5,5 %``: of ten thousand, one of the rates there are."""
    share = read_amount(cell.replace("%", "").strip())
    return share if share in VAT else None


@dataclass(slots=True)
class Article:
    """One line as it was read. ``doubts`` are codes for what could not be read."""

    name: str
    kind: str
    label: str = ""
    price_cents: int | None = None
    sku: str = ""
    ean: str = ""
    stock: int | None = None
    vat: int | None = None
    description: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def shown_kind(self) -> str:
        return str(Kind(self.kind).label)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Its details in people's words."""
        return shown(self.kind, self.facts)

    @property
    def refused(self) -> bool:
        """Nothing names it: neither words nor a code."""
        return not (self.name or self.sku or self.ean)


def read_article(cells: list[str], mapping: Mapping[str, int], usual: str, today: date) -> Article:
    """A line through the mapping; ``usual`` is the kind of what says none. Never raises."""

    def said(name: str) -> str:
        return cell_of(cells, mapping, name)

    kind = read_kind(said("kind"))
    article = Article(
        name=" ".join(said("name").split())[:120],
        kind=kind or usual,
        label=" ".join(said("label").split())[:40],
        sku=said("sku")[:40],
        ean="".join(said("ean").split()),
        description=said("description")[:2000],
    )
    if said("kind") and not kind:
        article.doubts.append("kind")
    _read_numbers(article, said("price"), said("stock"), said("vat"))
    for detail in DETAILS[article.kind]:
        typed = said(detail.name)
        value = read_choice(detail, typed) if typed else ""
        try:
            article.facts |= clean(article.kind, {detail.name: value}, today)
        except WrongDetail:
            value = ""
        if typed and not value:
            article.doubts.append(detail.name)
    return article


def _read_numbers(article: Article, price: str, stock: str, vat: str) -> None:
    """Price, stock, VAT and bar code; what cannot be read is a doubt."""
    article.price_cents = read_amount(price)
    if price and (article.price_cents is None or article.price_cents < 0):
        article.price_cents = None
        article.doubts.append("price")
    article.stock = read_units(stock)
    if stock and article.stock is None:
        article.doubts.append("stock")
    article.vat = read_vat(vat)
    if vat and article.vat is None:
        article.doubts.append("vat")
    if article.ean and not is_ean(article.ean):
        article.ean = ""
        article.doubts.append("ean")
