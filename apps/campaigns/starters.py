"""Where a drop may start from: a blank page, or a first sentence to make one's own."""

from dataclasses import dataclass
from typing import Any

from apps.audience.criteria import Criteria
from apps.audience.rules.rewards import RewardReady
from apps.audience.rules.visits import Seen, Unseen, Visits


@dataclass(frozen=True, slots=True)
class Starter:
    """``criteria`` says for whom, unless the link that led here said it already."""

    key: str
    title: str
    about: str
    criteria: Criteria
    written: dict[str, Any]


STARTERS = (
    Starter("blank", "Page blanche", "Vos mots, vos clients.", Criteria(), {}),
    Starter(
        "arrival",
        "Un arrivage",
        "Ce qui vient d’arriver, en peu d’exemplaires.",
        Criteria(),
        {
            "sms_text": "{prénom|Bonjour}, [quantité] [produit] viennent d'arriver, [prix]. "
            "On vous en garde ? {boutique}",
            "email_subject": "Vient d’arriver chez {boutique}",
            "email_text": "Bonjour {prénom},\n\n[Quantité] [produit] viennent d’arriver, à [prix]. "
            "Quand il n’y en a plus, il n’y en a plus.\n\nPour en garder, répondez simplement à "
            "cet e-mail.\n\nÀ bientôt,\n{boutique}",
        },
    ),
    Starter(
        "lot",
        "Un produit à réserver",
        "Premier arrivé, premier servi : chacun en prend depuis son message.",
        Criteria(),
        {
            "sms_text": "{prénom|Bonjour}, {quantité} {produit}, {prix}. "
            "On vous en garde ? {réserver}",
            "email_subject": "{produit}, on vous en garde ?",
            "email_text": "Bonjour {prénom},\n\n{produit} : nous en avons {quantité}, à {prix}. "
            "Premier arrivé, premier servi.\n\n{réserver}\n\nÀ bientôt,\n{boutique}",
        },
    ),
    Starter(
        "absent",
        "Des habitués absents",
        "Un mot à ceux qu’on ne voit plus.",
        Criteria.of(Unseen(45), Seen(180), Visits(3, None)),
        {
            "sms_text": "{prénom|Bonjour}, cela fait un moment ! Votre carte vous attend avec "
            "{tampons} au compteur : {lien}",
            "email_subject": "Votre carte vous attend chez {boutique}",
            "email_text": "Bonjour {prénom},\n\nCela fait un moment que nous ne vous avons pas vu. "
            "Votre carte en est à {tampons} : plus que {reste} avant la récompense.\n\n"
            "{lien}\n\nÀ bientôt,\n{boutique}",
        },
    ),
    Starter(
        "reward",
        "Une récompense attend",
        "Pour ceux qui l’ont gagnée et ne le savent pas.",
        Criteria.of(RewardReady()),
        {
            "sms_text": "{prénom|Bonjour}, votre récompense vous attend chez {boutique}. "
            "Votre carte : {lien}",
            "email_subject": "Votre récompense vous attend",
            "email_text": "Bonjour {prénom},\n\nVotre carte est pleine : votre récompense vous "
            "attend chez {boutique}.\n\n{lien}\n\nÀ bientôt,\n{boutique}",
        },
    ),
)
BY_KEY = {starter.key: starter for starter in STARTERS}
