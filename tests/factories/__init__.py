"""Believable people and cards for tests."""

import factory
from django.utils import timezone

from apps.accounts.models import User
from apps.contacts.models import ConsentState, Contact
from apps.loyalty.models import Card, Programme

# Nobody a test speaks of: whoever is made on the way must not be found where they are not.
FIRST_NAMES = ("Aldéric", "Bénédicte", "Clotaire", "Doriane", "Éloïse", "Gonzague", "Ségolène")


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"equipe{n}@exemple.fr")
    name = factory.Iterator(FIRST_NAMES)


class ContactFactory(factory.django.DjangoModelFactory):
    """A customer with a mobile number, who agreed to nothing."""

    class Meta:
        model = Contact

    first_name = factory.Iterator(FIRST_NAMES)
    last_name = factory.Sequence(lambda n: f"Martin{n}")
    phone = factory.Sequence(lambda n: f"+336120{n:05d}")
    phone_mobile = True
    phone_region = "FR"
    email = factory.Sequence(lambda n: f"client{n}@exemple.fr")

    class Params:
        agreeing = factory.Trait(
            sms_consent=ConsentState.GRANTED,
            email_consent=ConsentState.GRANTED,
            phone_proven_at=factory.LazyFunction(timezone.now),
            adult_declared_at=factory.LazyFunction(timezone.now),
        )


class ProgrammeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Programme
        django_get_or_create = ("only",)

    only = True
    goal = 10
    reward = "Une bouteille de la sélection du mois"


class CardFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Card

    contact = factory.SubFactory(ContactFactory)
    number = factory.Sequence(lambda n: 1000 + n)
