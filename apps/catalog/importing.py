"""Bringing a file of products in: one line, one format.

A format is known again by its reference, its bar code, or its product's name and its label. What
is known is completed; its price and its stock become what the file says, with their history.
"""

from collections.abc import Sequence
from typing import ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.catalog.arrivals import Arrivals
from apps.catalog.details import usual_kind
from apps.catalog.reading import FIELDS, NAMES, Article, read_article
from apps.imports.cells import read_amount
from apps.imports.intake import Brought, Intake, Line, Words
from apps.imports.models import Fate

REASONS: dict[str, Words] = {
    "nameless": _("ni nom, ni référence, ni code-barres"),
    "no_price": _("il manque un prix lisible"),
    "taken": _("cette référence ou ce code-barres est celui d’un autre format"),
    "price": _("prix illisible, laissé de côté"),
    "stock": _("stock illisible, laissé de côté"),
    "vat": _("TVA illisible, laissée de côté"),
    "ean": _("code-barres faux, laissé de côté"),
    "kind": _("sorte inconnue : celle de la boutique est prise"),
    "kind_kept": _("le produit connu est d’une autre sorte, gardée"),
    **{
        name: _("« %(label)s » illisible, laissé de côté") % {"label": label}
        for name, label in FIELDS.items()
        if name in {"region", "colour", "vintage", "condition"}
    },
}


class Products(Intake):
    kind = "products"
    slug = "produits"
    section = "catalogue"
    home = ("catalogue", "Catalogue")
    page = "product"
    title = "Importer des produits"
    intro = (
        "Depuis un tableur, un tarif ou votre caisse : une ligne par format. "
        "Vous verrez tout avant que rien ne change."
    )
    rules = (
        "Une référence, un code-barres, ou un nom et son format : le même produit n’entre "
        "qu’une fois.",
        "Un produit connu est complété ; son prix et son stock deviennent ceux du fichier, et "
        "l’historique des prix continue.",
        "Rien n’est retiré du catalogue : ce que le fichier ne nomme pas reste.",
        "« 12,50 », « 12.50 » ou « 1 284,50 € » : les prix se lisent comme ils s’écrivent.",
    )
    again = "Les mêmes produits ne seront pas ajoutés une seconde fois."
    clean_end = "Chaque ligne a trouvé son produit. Le fichier envoyé est effacé."
    preview = "catalog/import_preview.html"
    fields = FIELDS
    names = NAMES
    reasons = REASONS
    needs: ClassVar = [frozenset({"name", "sku", "ean"})]
    missing = _("Dites quelle colonne contient le nom du produit, sa référence ou son code-barres.")

    def tells(self, cell: str) -> bool:
        return bool(self.name_of_column(cell)) or read_amount(cell) is not None

    def read(self, line: Line) -> Article:
        today = timezone.localdate(line.now)
        return read_article(line.cells, line.run.mapping, usual_kind(line.shop.trade), today)

    def bring(self, lines: Sequence[Line]) -> list[Brought]:
        articles = [self.read(line) for line in lines]
        arrivals = Arrivals(lines, articles)
        brought = [
            None if article.refused else arrivals.bring(line, article)
            for line, article in zip(lines, articles, strict=True)
        ]
        arrivals.write()
        return [
            Brought(arrived.fate, arrived.product.pk if arrived.product else None, arrived.doubts)
            if arrived
            else Brought(Fate.REFUSED, reasons=["nameless", *article.doubts])
            for article, arrived in zip(articles, brought, strict=True)
        ]


PRODUCTS = Products()
