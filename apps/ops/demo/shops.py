"""The three shops: what they sell, who comes, what they wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.loyalty.rule import TIERS, Kind, Offer
from apps.ops.demo import goods
from apps.ops.demo.automatics import AUTOMATICS, Automatic
from apps.ops.demo.by_whatsapp import NEWS
from apps.ops.demo.drops import Past
from apps.ops.demo.goods import Good
from apps.ops.demo.sales import Sale
from apps.ops.demo.visits import Hours

# The first steps of a shop that has been open for years lie behind it.
STEPS_BEHIND = ["look", "poster", "hidden"]


@dataclass(frozen=True, slots=True)
class DemoShop:
    slug: str
    fields: dict[str, object]
    reward: str
    goal: int
    people: int
    days: int
    tags: tuple[str, ...]
    near: tuple[str, ...]
    hours: Hours
    basket_cents: tuple[int, int]
    drops: tuple[Past, ...]
    draft: Past
    sales: tuple[Sale, ...] = ()
    automatics: tuple[Automatic, ...] = AUTOMATICS
    pays: tuple[str, str] = ("", "")  # for which plan of Comptoir, by which card or IBAN
    own_number: str = ""  # from which it writes by a Twilio account of its own
    goods: tuple[Good, ...] = ()
    rule: Mapping[str, Any] = field(default_factory=dict)  # of the programme, beside the above
    terms: dict[str, object] = field(default_factory=dict)  # of its invoices; none: it writes none

    @property
    def sells_alcohol(self) -> bool:
        return bool(self.fields["sells_alcohol"])


_HEALTH = " L'abus d'alcool est dangereux pour la santé"
_BURGUNDY = ("21200",) * 6 + ("21000", "21190", "21700", "21420", "71150", "71100", "21360")

CAVE = DemoShop(
    slug="cave",
    pays=("boutique", "4242 4242 4242 4242"),
    fields={
        "name": "Cave du Marché",
        "trade": "wine",
        "sells_alcohol": True,
        "street": "12 place Carnot",
        "postal_code": "21200",
        "city": "Beaune",
        "phone": "+33353010021",
        "email": "bonjour@cave.exemple.fr",
        "legal_name": "Cave du Marché SARL",
        "siren": "732829320",
        "publisher": "Claire Fontaine",
        "steps_done": STEPS_BEHIND,
        "opening_hours": "Mardi à samedi : 10 h – 12 h 30, 15 h – 19 h 30\nDimanche : 10 h – 13 h",
        "sms_sender": "CAVEMARCHE",
        "budget_cents": 5_000,
    },
    terms={
        "legal_form": "SARL au capital de 10 000 €",
        "registration": "RCS Dijon 732 829 320",
        "vat_number": "FR44732829320",
        "iban": "FR7630006000011234567890189",
    },
    reward="Une bouteille de la sélection du mois",
    goal=10,
    rule={
        "steps": [Offer(5, "Un tire-bouchon de sommelier").kept()],
        "referral": True,
        "tiers": [tier.kept() for tier in TIERS],
    },
    people=1500,
    days=730,
    tags=("bulles", "bourgogne", "nature", "bordeaux", "rhône", "club", "cadeaux", "spiritueux"),
    near=_BURGUNDY,
    hours=Hours((0, 6, 7, 7, 10, 14, 5), {10: 4, 11: 7, 12: 3, 15: 3, 16: 5, 17: 8, 18: 10, 19: 5}),
    basket_cents=(1200, 9000),
    drops=(
        Past(
            96,
            "Rosés de fin d’été",
            "Bonjour {prénom}, les derniers rosés de Bandol sont arrivés : 14,50 E la bouteille "
            "jusqu'à samedi. {lien}" + _HEALTH,
            "Les derniers rosés de l’été",
            "Bonjour {prénom},\n\nIl reste douze caisses de notre rosé de Bandol, à 14,50 € la "
            "bouteille. Passez le goûter avant samedi.\n\nClaire, Cave du Marché",
            second="{prénom}, plus que 12 caisses de Bandol rosé. La vôtre est au frais ? Votre "
            "carte : {lien}" + _HEALTH,
        ),
        Past(
            61,
            "Arrivage de crémants",
            "{prénom}, trois crémants de Bourgogne à déguster ce vendredi dès 17 h à la cave."
            + _HEALTH,
            tags=("bulles",),
        ),
        Past(
            33,
            "Foire d’automne",
            "Bonjour {prénom}, foire d'automne à la cave : 40 vins à déguster samedi, entrée libre."
            + _HEALTH,
            "Samedi, quarante vins à la cave",
            "Bonjour {prénom},\n\nSamedi de 10 h à 19 h 30, douze vignerons vous font goûter "
            "quarante vins. Entrée libre, verre prêté.\n\nClaire et toute l’équipe",
            hold_out=10,
        ),
        Past(
            9,
            "Vins nature du Jura",
            "{prénom}, le savagnin de la maison Perrin vient d'arriver : 60 bouteilles, 24 E. "
            "3 E de moins avec le code {code}." + _HEALTH,
            "Soixante bouteilles du Jura",
            "Bonjour {prénom},\n\nLe savagnin ouillé que vous attendiez est là : soixante "
            "bouteilles, 24 €, et 3 € de moins avec votre code : {code}.\n\nClaire",
            tags=("nature", "bourgogne"),
            offer="3 € de remise sur le savagnin",
        ),
    ),
    draft=Past(
        0,
        "Coffrets de Noël",
        "{prénom}, vos coffrets de Noël sont prêts : trois vins, 39 E, à réserver à la cave.",
        "Vos coffrets de Noël",
        "Bonjour {prénom},\n\nTrois vins choisis par Léa, un coffret de bois, 39 €. "
        "Réservez le vôtre d’un mot en retour.",
        tags=("cadeaux",),
    ),
    sales=(
        Sale(
            Past(
                47,
                "Minervois de vendange",
                "{prénom}, 18 Minervois du Mas Fabre à 8,90 E. On vous en garde ? {réserver}"
                + _HEALTH,
                tags=("bordeaux", "rhône"),
            ),
            "Minervois, Mas Fabre",
            "75 cl",
            8.9,
            18,
            18,
            "Syrah et carignan, sur schistes.\nFruit noir, garrigue.\nPour la côte de bœuf.",
            5,
            fetched=9,
        ),
        Sale(
            Past(
                2,
                "Vin jaune 2016",
                "{prénom}, 4 vins jaunes 2016 de la maison Perrin, 46 E. Le vôtre : {réserver}"
                + _HEALTH,
                tags=("club",),
            ),
            "Vin jaune, Maison Perrin",
            "75 cl",
            46,
            4,
            12,
            "Six ans et trois mois sous voile.\nNoix, curry, pomme mûre.\nIl n’y en aura pas "
            "d’autre cette année.",
            6,
            fetched=3,
        ),
        Sale(
            Past(
                1,
                "Crémant du samedi",
                "{prénom}, 24 crémants de Bourgogne, 9,90 E au lieu de 11,90. On vous en garde ? "
                "{réserver}" + _HEALTH,
                tags=("spiritueux",),
            ),
            "Crémant de Bourgogne, Cave des Roches",
            "75 cl",
            9.9,
            24,
            16,
            "Pinot noir et chardonnay, dix-huit mois sur lattes.\nBulle fine, brioche, pomme.\n"
            "À boire bien frais, sans attendre l’occasion.",
            5,
            says_former=True,
        ),
    ),
    goods=goods.CAVE,
)

CAFE = DemoShop(
    slug="cafe",
    pays=("echoppe", "FR14 2004 1010 0505 0001 3M02 606"),
    fields={
        "name": "Café des Halles",
        "trade": "cafe",
        "sells_alcohol": False,
        "accent": "#1f5a4c",
        "street": "3 rue des Halles",
        "postal_code": "21000",
        "city": "Dijon",
        "phone": "+33353010022",
        "email": "bonjour@cafe.exemple.fr",
        "legal_name": "Lefèvre Nora EI",
        "siren": "404833048",
        "publisher": "Nora Lefèvre",
        "steps_done": STEPS_BEHIND,
        "opening_hours": "Lundi à samedi : 7 h 30 – 18 h",
        "sms_sender": "CAFEHALLES",
        "whatsapp_on": True,
        "whatsapp_number": "+33755530020",
        "reply_to": "bonjour@cafe.exemple.fr",
    },
    reward="Un brunch pour deux",
    goal=180,
    rule={
        "kind": Kind.POINTS,
        "steps": [
            Offer(25, "Un café").kept(),
            Offer(60, "Un café et une part de gâteau").kept(),
        ],
        "tiers": [tier.kept() for tier in TIERS],
        "bonus_times": 2,
        "bonus_days": "2",
        "birthday_gift": "Un café gourmand",
        "referral": True,
        "sponsor_gets": 25,
        "friend_gets": 15,
    },
    people=260,
    days=400,
    tags=("terrasse", "thé", "brunch", "végétarien", "étudiants"),
    near=("21000",) * 5 + ("21240", "21121"),
    hours=Hours((8, 8, 8, 8, 10, 9, 0), {8: 9, 9: 7, 10: 5, 12: 6, 13: 6, 14: 4, 16: 5, 17: 3}),
    basket_cents=(250, 2200),
    drops=(
        Past(
            40,
            "Carte d’automne",
            "Bonjour {prénom}, la tarte aux coings est de retour au Café des Halles.",
        ),
        Past(
            12,
            "Brunch du samedi",
            "{prénom}, brunch samedi de 10 h à 14 h, 22 E. Il reste 14 places.",
            tags=("brunch",),
        ),
        Past(
            8,
            "Le midi, en terrasse chauffée",
            "",
            whatsapp=NEWS.replace("{texte}", "la terrasse est chauffée, dès midi."),
        ),
    ),
    draft=Past(0, "Chocolat chaud maison", "{prénom}, le chocolat chaud est de retour : 4,50 E."),
    goods=goods.CAFE,
)

SNEAKERS = DemoShop(
    slug="sneakers",
    fields={
        "name": "Semelle Neuve",
        "trade": "sneakers",
        "sells_alcohol": False,
        "accent": "#1d3f8f",
        "street": "27 rue de la République",
        "postal_code": "69002",
        "city": "Lyon",
        "phone": "+33465710023",
        "email": "bonjour@sneakers.exemple.fr",
        "legal_name": "Semelle Neuve SAS",
        "siren": "552100554",
        "publisher": "Yanis Diallo",
        "steps_done": STEPS_BEHIND,
        "opening_hours": "Mardi à samedi : 11 h – 19 h",
        "sms_sender": "SEMELLE",
        "reply_to": "bonjour@sneakers.exemple.fr",
    },
    reward="Un nettoyage complet offert",
    goal=6,
    people=190,
    days=300,
    tags=("running", "rétro", "pointure 42", "collector", "skate"),
    near=("69002", "69003", "69001", "69007", "69100", "69008"),
    hours=Hours((0, 5, 7, 6, 8, 14, 0), {11: 3, 12: 4, 14: 5, 15: 6, 16: 8, 17: 9, 18: 7}),
    basket_cents=(3500, 18000),
    drops=(
        Past(
            18,
            "Drop rétro",
            "{prénom}, 30 paires rétro arrivent samedi à 11 h. Premiers arrivés, premiers servis.",
            "Trente paires, samedi 11 h",
            "Bonjour {prénom},\n\nTrente paires rétro, du 38 au 46, samedi à 11 h.\n\nYanis",
        ),
    ),
    draft=Past(0, "Soldes privées", "{prénom}, -20 % pour nos fidèles vendredi soir."),
    own_number="+33465710024",
    goods=goods.SNEAKERS,
)

SHOPS = (CAVE, CAFE, SNEAKERS)
