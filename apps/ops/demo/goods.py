"""What the three shops sell: their shelves, as plain data."""

from dataclasses import dataclass, field

from apps.catalog.details import Kind


@dataclass(frozen=True, slots=True)
class Good:
    """A product with its formats: label → euros, and how many stand on the shelf of each."""

    name: str
    kind: Kind
    formats: dict[str, float]
    facts: dict[str, str] = field(default_factory=dict)
    stock: int | None = 24  # None: not counted
    vat: int = 2000
    before: float = 0  # what it cost until ten days ago
    popular: int = 3


def _wine(
    name: str,
    region: str,
    colour: str,
    vintage: str,
    price: float,
    *,
    magnum: float = 0,
    stock: int = 24,
    before: float = 0,
    popular: int = 3,
    grape: str = "",
    kind: Kind = Kind.WINE,
) -> Good:
    """``name`` is « appellation, house »."""
    appellation, producer = name.split(", ")
    formats = {"75 cl": price, **({"Magnum": magnum} if magnum else {})}
    facts = {
        "region": region,
        "colour": colour,
        "appellation": appellation,
        "producer": producer,
        "vintage": vintage,
        "grape": grape,
    }
    return Good(name, kind, formats, facts, stock=stock, before=before, popular=popular)


def _sizes(price: float, first: int = 38, last: int = 46) -> dict[str, float]:
    return {str(size): price for size in range(first, last + 1)}


def _shoe(brand: str, name: str, price: float, colourway: str, **more: object) -> Good:
    facts = {"brand": brand, "colourway": colourway, "condition": str(more.pop("state", "neuf"))}
    return Good(f"{brand} {name}", Kind.SHOES, _sizes(price), facts, stock=2, **more)  # type: ignore[arg-type]


_RED, _WHITE, _ROSE = "rouge", "blanc", "rose"

CAVE = (
    _wine("Morgon, Domaine du Py", "beaujolais", _RED, "2023", 14.9, magnum=32, popular=9),
    _wine("Fleurie, Clos des Grives", "beaujolais", _RED, "2023", 16.5, grape="Gamay"),
    _wine("Bourgogne Pinot noir, Maison Colas", "bourgogne", _RED, "2022", 19.5, popular=8),
    _wine("Beaune 1er cru, Domaine Faivre", "bourgogne", _RED, "2020", 42, magnum=92, stock=9),
    _wine("Pommard, Domaine Humbert", "bourgogne", _RED, "2019", 58, stock=3),
    _wine("Mâcon-Lugny, Cave des Roches", "bourgogne", _WHITE, "2023", 12.5, popular=8),
    _wine("Saint-Véran, Domaine Corsin-Rey", "bourgogne", _WHITE, "2022", 18.9, before=21),
    _wine("Chablis, Domaine Loiseau", "bourgogne", _WHITE, "2022", 22, popular=6),
    _wine("Meursault, Domaine Vernet", "bourgogne", _WHITE, "2020", 64, stock=2),
    _wine("Côtes-du-Rhône, Mas Vidal", "rhone", _RED, "2022", 10.9, popular=8),
    _wine("Crozes-Hermitage, Domaine Tessier", "rhone", _RED, "2021", 19.9),
    _wine("Condrieu, Les Terrasses", "rhone", _WHITE, "2021", 49, stock=4, grape="Viognier"),
    _wine("Saint-Émilion, Château Lacroix", "bordeaux", _RED, "2018", 29.5, magnum=62),
    _wine("Médoc, Château Gaillard", "bordeaux", _RED, "2019", 17.5, before=19.5),
    _wine("Sauternes, Château Delorme", "bordeaux", "moelleux", "2016", 36, stock=6),
    _wine("Sancerre, Domaine Mallet", "loire", _WHITE, "2023", 21, popular=6),
    _wine("Chinon, Clos Michaud", "loire", _RED, "2021", 13.9, popular=5),
    _wine("Savagnin ouillé, Maison Perrin", "jura", _WHITE, "2021", 24, stock=36, popular=6),
    _wine("Vin jaune, Maison Perrin", "jura", _WHITE, "2016", 46, stock=5),
    _wine("Riesling, Domaine Fischer", "alsace", _WHITE, "2022", 15.5),
    _wine("Bandol, Domaine Raynaud", "provence", _ROSE, "2024", 14.5, stock=0, popular=5),
    _wine("Minervois, Mas Fabre", "languedoc", _RED, "2022", 9.9, popular=5),
    _wine("Maceration, Domaine Vidal", "languedoc", "orange", "2023", 18, stock=11),
    _wine(
        "Champagne brut, Maison Lambert",
        "champagne",
        _WHITE,
        "",
        34.5,
        magnum=74,
        popular=6,
        kind=Kind.SPARKLING,
    ),
    _wine(
        "Crémant de Bourgogne, Cave des Roches",
        "bourgogne",
        _WHITE,
        "",
        11.9,
        stock=60,
        popular=8,
        kind=Kind.SPARKLING,
    ),
    Good("Marc de Bourgogne", Kind.SPIRIT, {"70 cl": 44}, {"brand": "Jacoulot", "age": "7 ans"}),
    Good("Crème de cassis", Kind.SPIRIT, {"50 cl": 14.5}, {"brand": "Boudier"}, popular=4),
    Good("Bière blonde", Kind.BEER, {"33 cl": 3.2, "75 cl": 6.9}, {"brand": "Mandubienne"}),
    Good("Gougères", Kind.FOOD, {"Sachet": 5.5}, {"origin": "Bourgogne"}, vat=550, popular=4),
    Good("Tire-bouchon", Kind.OTHER, {"": 12}, {"brand": "Laguiole"}, stock=8, popular=1),
)

CAFE = (
    Good("Espresso", Kind.DRINK, {"": 2}, stock=None, vat=1000, popular=14),
    Good("Café crème", Kind.DRINK, {"": 3.8}, stock=None, vat=1000, popular=9),
    Good("Thé du moment", Kind.DRINK, {"Tasse": 4, "Théière": 6.5}, stock=None, vat=1000),
    Good("Chocolat chaud maison", Kind.DRINK, {"": 4.5}, stock=None, vat=1000, popular=5),
    Good("Part de tarte aux coings", Kind.FOOD, {"": 4.8}, stock=8, vat=1000, popular=6),
    Good("Cake au citron", Kind.FOOD, {"Part": 4, "Entier": 24}, stock=5, vat=1000, popular=5),
    Good("Cookie", Kind.FOOD, {"": 2.9}, stock=18, vat=1000, popular=6),
    Good("Brunch", Kind.OTHER, {"Adulte": 22, "Enfant": 12}, stock=14, vat=1000, popular=2),
    Good(
        "Café en grains, Éthiopie",
        Kind.DRINK,
        {"250 g": 9.5, "1 kg": 34},
        {"brand": "Torréfaction des Halles", "origin": "Éthiopie"},
        stock=20,
        vat=550,
        before=8.9,
    ),
    Good(
        "Café en grains, Colombie",
        Kind.DRINK,
        {"250 g": 8.9, "1 kg": 32},
        {"brand": "Torréfaction des Halles", "origin": "Colombie"},
        stock=3,
        vat=550,
    ),
    Good(
        "Thé vert en vrac",
        Kind.DRINK,
        {"100 g": 11},
        {"brand": "Compagnie coloniale"},
        stock=9,
        vat=550,
        popular=1,
    ),
)

SNEAKERS = (
    _shoe("Veja", "Campo", 140, "blanc, vert", popular=6),
    _shoe("Adidas", "Samba", 120, "noir, gomme", popular=9),
    _shoe("Adidas", "Gazelle", 110, "bleu roi", popular=6),
    _shoe("New Balance", "574", 110, "gris", popular=7, before=120),
    _shoe("New Balance", "2002R", 160, "beige", popular=4),
    _shoe("Nike", "Air Max 90", 150, "blanc, rouge", popular=6),
    _shoe("Nike", "Dunk Low", 120, "blanc, noir", popular=7),
    _shoe("Asics", "Gel-Kayano 14", 165, "argent", popular=4),
    _shoe("Salomon", "XT-6", 190, "noir", popular=3),
    _shoe("Nike", "Air Jordan 1 de 1985", 480, "Chicago", state="reedition", popular=1),
    Good("Chaussettes", Kind.CLOTHES, {"36-40": 9, "41-46": 9}, {"brand": "Royalties"}, popular=6),
    Good("Kit de nettoyage", Kind.OTHER, {"": 22}, {"brand": "Andrée Jardin"}, stock=12),
    Good("Nettoyage complet", Kind.CARE, {"La paire": 29}, {}, stock=None, popular=4),
)
