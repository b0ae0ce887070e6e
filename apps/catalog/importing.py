"""Bringing a file of products in: one line, one format.

A format is known again by its reference, its bar code, or its product's name and its label. What
is known is completed; its price and its stock become what the file says, with their history.
"""

from collections.abc import Sequence
from typing import ClassVar
from uuid import uuid5

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.catalog.details import FACETS, usual_kind, usual_vat
from apps.catalog.models import Product, Variant
from apps.catalog.reading import FIELDS, NAMES, Article, read_article
from apps.catalog.services.products import (
    ProductWords,
    VariantWords,
    add_variant,
    save_product,
    set_price,
)
from apps.catalog.services.stock import count_stock
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
        return [self.bring_one(line) for line in lines]

    def bring_one(self, line: Line) -> Brought:
        article = self.read(line)
        if article.refused:
            return Brought(Fate.REFUSED, reasons=["nameless", *article.doubts])
        return _Bringing(line, article).bring()


PRODUCTS = Products()


class _Bringing:
    """One line on its way to one format."""

    def __init__(self, line: Line, article: Article) -> None:
        self.line, self.article = line, article
        self.by, self.now = line.by, line.now
        self.doubts = list(article.doubts)

    def bring(self) -> Brought:
        variant = self._known()
        if variant is not None:
            changed = self._complete(variant)
            fate = Fate.UPDATED if changed else Fate.UNCHANGED
            return Brought(fate, variant.product_id, self.doubts)
        if self.article.price_cents is None or not self.article.name:
            reasons = [code for code in self.doubts if code != "price"]
            missing = "no_price" if self.article.name else "nameless"
            return Brought(Fate.REFUSED, reasons=[missing, *reasons])
        variant = self._new()
        self._count(variant)
        return Brought(Fate.CREATED, variant.product_id, self.doubts)

    def _known(self) -> Variant | None:
        """By reference, then by bar code, then by name and format."""
        article = self.article
        standing = Variant.objects.filter(archived_at=None).select_related("product")
        if article.sku:
            by_sku = standing.filter(sku__iexact=article.sku).first()
            if by_sku is not None:
                return by_sku
        if article.ean:
            by_ean = standing.filter(ean=article.ean).first()
            if by_ean is not None:
                return by_ean
        product = self._product()
        if product is None:
            return None
        found = standing.filter(product=product).annotate(key=Lower("label"))
        return found.filter(key=article.label.lower()).first()

    def _product(self) -> Product | None:
        """The product of this name that stands in the catalogue; another vintage is another."""
        article = self.article
        if not article.name:
            return None
        named = Product.objects.on_sale().annotate(key=Lower("name"))
        wanted = Q(key=article.name.lower())
        year = article.facts.get("vintage")
        for product in named.filter(wanted).order_by("pk"):
            if not year or product.details.get("vintage", year) == year:
                return product
        return None

    def _words(self) -> VariantWords:
        article = self.article
        assert article.price_cents is not None
        return VariantWords(
            price_cents=article.price_cents,
            label=article.label,
            sku=article.sku,
            ean=article.ean,
            is_counted=article.stock is not None or "stock" not in self.line.run.mapping,
        )

    def _new(self) -> Variant:
        article, product = self.article, self._product()
        if product is not None:
            self._learn(product)
            return add_variant(product, self._words(), by=self.by, now=self.now)
        words = ProductWords(
            name=article.name,
            kind=article.kind,
            variants=[self._words()],
            facts=article.facts,
            description=article.description,
            vat=usual_vat(article.kind) if article.vat is None else article.vat,
        )
        return save_product(words, by=self.by, now=self.now).variants.get()

    def _complete(self, variant: Variant) -> bool:
        """What the file knows better of a known format; whether that changed anything."""
        article = self.article
        changed = self._learn(variant.product)
        for name in ("sku", "ean"):
            said = getattr(article, name)
            if said and not getattr(variant, name):
                setattr(variant, name, said)
                variant.save(update_fields=[name])
                changed = True
            elif said and getattr(variant, name).lower() != said.lower():
                self.doubts.append("taken")
        price = article.price_cents
        if price is not None and price != variant.price_cents:
            set_price(variant=variant, price_cents=price, by=self.by, now=self.now)
            changed = True
        return self._count(variant) or changed

    def _learn(self, product: Product) -> bool:
        """Fill what the product does not say yet; what it says stays."""
        article, learnt = self.article, False
        if article.kind != product.kind:
            if "kind" in self.line.run.mapping and self.line.said("kind"):
                self.doubts.append("kind_kept")
        else:
            known = product.facts
            for name, value in article.facts.items():
                if name in known:
                    continue
                if name in FACETS:
                    setattr(product, name, value)
                else:
                    product.details[name] = value
                learnt = True
        if article.description and not product.description:
            product.description, learnt = article.description, True
        if learnt:
            product.save()
        return learnt

    def _count(self, variant: Variant) -> bool:
        """The stock that the file says, as an inventory; once for a line, in whatever run."""
        stock = self.article.stock
        if stock is None or not variant.is_counted:
            return False
        token = uuid5(self.line.token, "stock")
        before = variant.on_hand
        held = count_stock(variant=variant, counted=stock, token=token, by=self.by, now=self.now)
        return held.on_hand != before
