"""The invoices of the demonstration: companies and private people, paid, late, credited, closed
each night as the worker would have."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from uuid import UUID

from django.utils import timezone

from apps.catalog.models import Purchase, Variant
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.invoicing import closing
from apps.invoicing.access import Tokens
from apps.invoicing.bookkeeping import connect
from apps.invoicing.delivering import take_in
from apps.invoicing.document import missing_facts
from apps.invoicing.models import Invoice, Method, Sending, Terms
from apps.invoicing.reckoning import THOUSAND
from apps.invoicing.services import change_terms, credit, issue, pay, save_draft
from apps.invoicing.targets import TARGETS
from apps.invoicing.words import Address, Buyer, Cause, InvoiceWords, LineWords
from apps.invoicing.writing import rate_of
from apps.ops.demo.answers import arrived
from apps.shops.models import Shop

COMPANIES = (
    Buyer(
        "Hôtel de la Poste SAS",
        Address("1 boulevard Clemenceau", "21200", "Beaune"),
        is_business=True,
        siren="813579240",
    ),
    Buyer(
        "Restaurant Le Bistrot des Halles",
        Address("10 rue Bannelier", "21000", "Dijon"),
        is_business=True,
        siren="792468134",
    ),
)
_PEOPLE = (
    ("3 rue du Lac", "21000", "Dijon"),
    ("8 rue des Tonneliers", "21200", "Beaune"),
    ("27 avenue de la Gare", "71150", "Chagny"),
)
# Days ago, company or person, how many articles, days until paid (none: not yet), by what.
_STORY = (
    (75, "company", 4, 28, Method.TRANSFER),
    (62, "person", 2, 0, Method.CARD),
    (48, "company", 3, None, Method.TRANSFER),
    (41, "person", 1, 0, Method.CASH),
    (33, "person", 3, 0, Method.CARD),
    (20, "company", 5, None, Method.TRANSFER),
    (12, "person", 2, 1, Method.CHEQUE),
    (5, "company", 2, None, Method.TRANSFER),
    (3, "person", 2, 0, Method.CARD),
    (1, "person", 1, None, Method.CARD),
)
_CREDITED = 4  # of the story: a bottle that came back
Act = Callable[[datetime], object]


class Bills:
    """What one shop invoiced, told day by day: each act at its moment, each night its closure."""

    def __init__(self, seed: str, *, shop: Shop, author: int, now: datetime) -> None:
        self.random, self.shop, self.now = Random(f"{seed}-bills"), shop, now
        self.by = Actor("team", author)
        self.made: dict[int, Invoice] = {}
        self.articles = list(Variant.objects.select_related("product").order_by("pk"))

    def write(self, terms: dict[str, object]) -> None:
        if not terms or missing_facts(self.shop, Terms(**terms)):
            return
        with timezone.override(self.shop.zone):
            change_terms(terms, by=self.by)
            for at, act in sorted(self._acts(), key=lambda one: one[0]):
                closing.run(at)
                act(at)
            closing.run(self.now)
            words = InvoiceWords(COMPANIES[1], self._lines(3, self.now), taxed=False)
            save_draft(words, now=self.now - timedelta(hours=2))
            self._keep_books()

    def _keep_books(self) -> None:
        """Just connected: the worker sends it all, and the oldest is of a month that is closed."""
        since = timezone.localdate(self.now) - timedelta(days=max(ago for ago, *_more in _STORY))
        keeper = connect(
            shop=self.shop,
            target=TARGETS["local"],
            tokens=Tokens(""),
            since=since,
            by=self.by,
            now=self.now,
        )
        take_in(keeper, self.now)

    def _acts(self) -> list[tuple[datetime, Act]]:
        """Each with its moment; what becomes of an invoice follows it."""
        found: list[tuple[datetime, Act]] = []
        for place, (ago, _whom, _articles, paid_after, _method) in enumerate(_STORY):
            at = self.now - timedelta(days=ago, minutes=90 - place)
            found.append((at, partial(self._issue, place)))
            if place == _CREDITED:
                found.append((at + timedelta(hours=1), partial(self._credit, place)))
            if paid_after is not None:
                paid = at + timedelta(days=paid_after, minutes=90)
                found.append((paid, partial(self._pay, place)))
        return [(at, act) for at, act in found if at <= self.now]

    def _issue(self, place: int, at: datetime) -> None:
        _ago, whom, articles, *_payment = _STORY[place]
        lines = self._lines(articles, at)
        if whom == "company":
            buyer = COMPANIES[place % len(COMPANIES)]
            draft = save_draft(InvoiceWords(buyer, lines, taxed=False), now=at)
        else:
            bought = Purchase.objects.exclude(contact=None).filter(at__lte=at, amount_cents__gt=0)
            person = bought.select_related("contact").latest("at", "pk").contact
            assert person
            buyer = Buyer(person.full_name or "Client", Address(*_PEOPLE[place % len(_PEOPLE)]))
            cause = Cause(contact_id=person.pk)
            draft = save_draft(InvoiceWords(buyer, lines), now=at, cause=cause)
        self.made[place] = invoice = issue(draft, by=self.by, now=at)
        if invoice.contact:
            self._send(invoice, invoice.contact, at + timedelta(minutes=3))

    def _send(self, invoice: Invoice, to: Contact, at: datetime) -> None:
        """By e-mail, as ``sending.send`` would have."""
        token = self._token()
        message = arrived(
            to,
            at=at,
            channel="email",
            cause=f"invoice:{invoice.pk}:{token.hex}",
            to=to.email or f"client-{to.pk}@exemple.fr",
            subject=f"Facture {invoice.number}, {self.shop.name}",
            body="Voici votre facture, en pièce jointe.",
        )
        Sending.objects.create(invoice=invoice, message=message, token=token)

    def _lines(self, articles: int, at: datetime) -> tuple[LineWords, ...]:
        chosen = self.random.sample(self.articles, min(articles, len(self.articles)))
        return tuple(
            LineWords(
                label=one.full_name,
                quantity=self.random.choice((1, 2, 3, 6)) * THOUSAND,
                unit_cents=one.price_cents,
                vat=rate_of(one, self.shop, at.date()) or 2000,
                discount_share=1000 if turn == 0 and articles > 3 else 0,
            )
            for turn, one in enumerate(chosen)
        )

    def _pay(self, place: int, at: datetime) -> None:
        held = Invoice.objects.with_balance().get(pk=self.made[place].pk)
        day, method, token = timezone.localdate(at), _STORY[place][4], self._token()
        pay(held, held.owed, method=method, paid_on=day, token=token, by=self.by, now=at)

    def _credit(self, place: int, at: datetime) -> None:
        reason, token = "Bouteille bouchonnée", self._token()
        one = {0: THOUSAND}
        credit(self.made[place], one, reason=reason, token=token, by=self.by, now=at)

    def _token(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)
