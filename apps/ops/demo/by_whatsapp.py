"""A shop that writes by WhatsApp: the texts it had approved, and who wrote to it today."""

from datetime import datetime, timedelta

from apps.contacts.models import Contact
from apps.messaging.models import Category, Reply, Review, Template

NEWS = (
    "Bonjour {prénom}, des nouvelles du Café des Halles : {texte}\n"
    "À bientôt au comptoir, avec votre carte."
)
_TEMPLATES = (
    ("Le mot du jour", Category.MARKETING, NEWS, Review.APPROVED, ""),
    (
        "Votre récompense vous attend",
        Category.UTILITY,
        "Bonjour {prénom}, votre carte est pleine et votre récompense vous attend au café. "
        "La voici : {lien}\nÀ bientôt.",
        Review.APPROVED,
        "",
    ),
    (
        "Soirée jeux",
        Category.MARKETING,
        "Bonjour {prénom}, soirée jeux jeudi dès 18 h au café : {texte}\nOn vous attend.",
        Review.PENDING,
        "",
    ),
)
# Hours ago: the first may still be answered, the second no more.
_SAID = ((2, "Coucou, vous avez encore des parts de tarte ?"), (31, "Le brunch, c’est complet ?"))


def write(*, author: int, now: datetime) -> None:
    for number, (title, category, text, review, reason) in enumerate(_TEMPLATES):
        Template.objects.create(
            title=title,
            category=category,
            text=text,
            review=review,
            reason=reason,
            reference=f"HX{number:032x}",
            tries=1,
            created_by=author,
            created_at=now - timedelta(days=20 - 6 * number),
            looked_at=now - timedelta(hours=3 + number),
        )
    friends = Contact.objects.reachable_by("whatsapp").order_by("-last_visit_at", "pk")
    for number, (person, (hours, words)) in enumerate(zip(friends[3:], _SAID, strict=False)):
        Reply.objects.create(
            contact=person,
            channel="whatsapp",
            sender=person.phone,
            body=words,
            at=now - timedelta(hours=hours),
            key=f"demo-whatsapp-{number}",
        )
