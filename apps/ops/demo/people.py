"""People of a French town: names with accents, numbers from everywhere, and what they agreed to."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random

from apps.contacts.channels import names
from apps.contacts.consent import ADULT_WORDING, WORDING, write_consent
from apps.contacts.models import Channel, ConsentEvent, ConsentState, Contact, Source, Tag
from apps.contacts.services import tag_named
from apps.core.actor import Actor
from apps.core.french import search_key
from apps.core.phone import parse_phone
from apps.ops.demo.visits import Hours

_FIRST_NAMES = """
Adèle Agnès Aïcha Alain Alexandre Alice Amélie Amina André Anaïs Anne-Laure Antoine Arnaud
Aurélie Baptiste Béatrice Benoît Bérénice Bernard Brigitte Camille Capucine Catherine Cécile
Cédric Chantal Charlotte Chloé Christophe Claire Clément Colette Corentin Cyril Damien Danièle
David Delphine Denis Diane Édouard Éléonore Élise Élodie Émile Emma Enzo Éric Estelle Étienne
Eugénie Fabien Fanny Fatima Florence Franck François Françoise Gaël Gaëlle Geneviève Gérard
Gilles Grégoire Guillaume Hélène Henri Hervé Hugo Ibrahim Inès Isabelle Jacques Jean-Baptiste
Jean-Marc Jeanne Jérôme Joëlle Julie Julien Karim Laëtitia Laurence Laurent Léa Léon Léonie Loïc
Louis Louise Lucas Lucie Madeleine Maëlle Malik Manon Marc Margaux Marie-Hélène Marion Mathieu
Mathilde Maud Maxime Mélanie Michel Mireille Monique Mounir Nadège Nathalie Nicolas Noé Noémie
Odile Olivier Pascale Patrick Paul Pauline Philippe Pierre Quentin Rachid Raphaël Régine Rémi
René Romane Sabrina Samia Sandrine Sébastien Ségolène Serge Sofia Solène Stéphane Stéphanie
Sylvain Sylvie Théo Thérèse Thibault Thomas Tiphaine Valérie Véronique Vincent Violette Virginie
Xavier Yann Yasmine Yves Zoé
"""
_LAST_NAMES = """
André Aubert Bailly Barbier Barthélemy Baudry Benoît Bernard Berthelot Besnard Blanchard Bonnet
Bouchard Boucher Boyer Brunet Caron Carpentier Chevalier Colas Collin Cordier Coste Cuvelier
Dacosta Da-Silva David Delaunay Delorme Deschamps Devaux Diallo Dufour Dumont Dupuis Durand
Duval Étienne Fabre Faivre Ferreira Fischer Fleury Fontaine Fournier Gaillard Garcia Garnier
Gauthier Germain Gérard Giraud Girard Grandjean Guérin Guillot Guyot Hamel Hébert Henry Hubert
Humbert Jacob Jacquet Joly Julien Klein Lacroix Lambert Lamy Langlois Leblanc Leclerc Lecomte
Lefèvre Lefort Legrand Lemaître Lemoine Leroux Leroy Le-Gall Lévêque Loiseau Lucas Mallet
Marchand Maréchal Martel Martin Masson Ménard Mercier Meunier Meyer Michaud Millet Monnier
Moreau Morel Morin Muller N’Diaye Nguyen Noël Olivier Ozanne Parent Pasquier Pelletier Perrault
Perrin Petit Philippot Picard Pichon Poirier Poulain Prévost Quéré Raynaud Rémy Renard Renaud
Rey Richard Rivière Robin Roche Rolland Rousseau Roux Sanchez Schmitt Simon Tanguy Tessier
Thévenet Thibault Tournier Traoré Vasseur Vernet Vidal Vincent Weber Zimmermann
"""
FIRST_NAMES, LAST_NAMES = _FIRST_NAMES.split(), _LAST_NAMES.split()
ELSEWHERE = ("75011", "75018", "69002", "69100", "67000", "33000", "44000", "20200", "13006")
# How a hundred people left an address: most a mobile, some a mail too, some one of both alone.
_ADDRESSES: tuple[str, ...] = ("both",) * 58 + ("mobile",) * 22 + ("email",) * 11
_ADDRESSES += ("landline",) * 5 + ("overseas",) * 3 + ("card",)
_OVERSEAS = ("0690{:06d}", "0692{:06d}", "0696{:06d}", "0694{:06d}", "0639{:06d}")
_MOBILES = ("0611", "0612", "0613", "0672", "0681", "0750", "0761", "0783")
_SOURCES = (
    *(Source.POSTER, Source.POSTER, Source.STAND, Source.STAND, Source.STICKER),
    *(Source.COUNTER,) * 4,
    Source.IMPORT,
)
_NOTES = (
    "Aime être appelée pour les arrivages.",
    "Allergique aux noix.",
    "Préfère passer le samedi matin.",
    "Offre souvent : penser à l’emballage.",
    "Vient avec son fils, très curieux.",
)


def _numbers(random: Random) -> Iterator[str]:
    for n in random.sample(range(800_000), 800_000 // 80):
        yield f"{_MOBILES[n % 8]}{n:06d}"


class Crowd:
    """Makes ``count`` people of one shop, the same ones each time for the same seed."""

    def __init__(
        self,
        seed: str,
        *,
        near: Sequence[str],
        tags: Sequence[str],
        adults: bool,
        hours: Hours,
        now: datetime,
        whatsapp: bool = False,
    ) -> None:
        self.random, self.hours, self.now = Random(seed), hours, now
        self.whatsapp = whatsapp
        self.near, self.tags, self.adults = near, tags, adults
        self.mobiles = _numbers(self.random)
        self.serial = 0

    def make(self, count: int, days: int) -> list[Contact]:
        people = [self._person(at) for at in sorted(self._joined(days) for _ in range(count))]
        return Contact.objects.bulk_create(people, batch_size=500)

    def _joined(self, days: int) -> datetime:
        """When somebody joined in the last ``days``: at an open hour, rather lately."""
        at = self.now - timedelta(days=self.random.random() ** 1.25 * days)
        while (open_at := self.hours.open(self.random, at)) > self.now:
            at -= timedelta(days=1)
        return open_at

    def _person(self, at: datetime) -> Contact:
        random = self.random
        self.serial += 1
        first = random.choice(FIRST_NAMES)
        last = random.choice(LAST_NAMES) if random.random() < 0.86 else ""
        contact = Contact(
            first_name=first,
            last_name=last.replace("-", " "),
            source=random.choice(_SOURCES),
            language=random.choices(("fr", "en", "es"), (95, 4, 1))[0],
            created_at=at,
        )
        contact.search = search_key(contact.full_name)
        self._addresses(contact, search_key(f"{first} {last}").replace(" ", "."))
        self._age(contact, at)
        if random.random() < 0.7:
            far = random.random() < 0.12
            contact.postal_code = random.choice(ELSEWHERE if far else self.near)
        if random.random() < 0.04:
            contact.note = random.choice(_NOTES)
        self._consents(contact, at)
        return contact

    def _addresses(self, contact: Contact, mailbox: str) -> None:
        kind, typed = self.random.choice(_ADDRESSES), ""
        if kind in {"both", "mobile"}:
            typed = next(self.mobiles)
        elif kind == "landline":
            typed = f"035301{self.serial:04d}"
        elif kind == "overseas":
            typed = self.random.choice(_OVERSEAS).format(200_000 + self.serial)
        if typed:
            phone = parse_phone(typed)
            contact.phone, contact.phone_mobile = phone.e164, phone.mobile
            contact.phone_region = phone.region
        if kind in {"both", "email"}:
            contact.email = f"{mailbox}.{self.serial}@exemple.fr"

    def _age(self, contact: Contact, at: datetime) -> None:
        random = self.random
        if random.random() < 0.45:
            contact.birth_date = date(1942, 1, 1) + timedelta(days=random.randrange(23_000))
        elif self.adults and random.random() < 0.9:
            contact.adult_declared_at, contact.adult_wording = at, ADULT_WORDING

    def _consents(self, contact: Contact, at: datetime) -> None:
        wanted = (ConsentState.GRANTED, ConsentState.NONE, ConsentState.PENDING)
        if contact.phone_mobile:
            contact.sms_consent = self.random.choices(wanted, (66, 29, 5))[0]
        if contact.email:
            contact.email_consent = self.random.choices(wanted, (72, 24, 4))[0]
        if contact.sms_consent == ConsentState.GRANTED:
            contact.phone_proven_at = at + timedelta(minutes=3)
        if contact.email_consent == ConsentState.GRANTED:
            contact.email_proven_at = at + timedelta(minutes=9)
        if self.whatsapp and contact.sms_consent == ConsentState.GRANTED and self.serial % 3:
            contact.ways = {"whatsapp": {"consent": ConsentState.GRANTED.value}}
        if contact.phone_mobile and self.random.random() < 0.015:
            contact.phone_bad_at = self.now - timedelta(days=self.random.randrange(3, 200))

    def tag(self, people: Sequence[Contact]) -> None:
        """One to three tags for about two people in three, some tags rarer than others."""
        made = [tag_named(name) for name in self.tags]
        weights = [len(made) + 2 - place for place in range(len(made))]
        through = Contact.tags.through
        rows = []
        for contact in people:
            if self.random.random() < 0.36:
                continue
            worn: set[Tag] = set(self.random.choices(made, weights, k=self.random.randint(1, 3)))
            rows += [through(contact_id=contact.pk, tag_id=tag.pk) for tag in worn]
        through.objects.bulk_create(rows, batch_size=1000)

    def prove(self, people: Sequence[Contact]) -> None:
        """The ledger behind each consent; then some say stop, by the shop's own service."""
        events = [event for contact in people for event in _proofs(contact)]
        ConsentEvent.objects.bulk_create(events, batch_size=1000)
        lately = self.now - timedelta(days=3)
        agreed = [
            c for c in people if c.sms_consent == ConsentState.GRANTED and c.created_at < lately
        ]
        for contact in self.random.sample(agreed, len(agreed) // 25):
            write_consent(
                contact,
                Channel.SMS,
                ConsentState.WITHDRAWN,
                source=Source.REPLY,
                by=Actor("customer", contact.pk),
                now=self.now - (self.now - contact.created_at) * self.random.uniform(0.02, 0.8),
            )


def _proofs(contact: Contact) -> Iterator[ConsentEvent]:
    """Asked on the poster or at the counter, then confirmed from the message's link."""
    for channel in names():
        state, at = contact.consent(channel), contact.created_at
        if state == ConsentState.NONE:
            continue
        yield ConsentEvent(
            contact=contact,
            channel=channel,
            state=ConsentState.PENDING,
            wording=WORDING,
            source=contact.source,
            actor_kind="customer",
            actor_id=contact.pk,
            at=at,
        )
        if state == ConsentState.GRANTED:
            yield ConsentEvent(
                contact=contact,
                channel=channel,
                state=state,
                wording=WORDING,
                source=Source.MESSAGE,
                actor_kind="customer",
                actor_id=contact.pk,
                at=at + timedelta(minutes=3 if channel == Channel.SMS else 9),
            )
