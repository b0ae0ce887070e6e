"""A shop in which something of everything has happened: no table of it is empty."""

from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO
from uuid import uuid4

from allauth.account.models import EmailAddress
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import timezone

from apps.accounts.models import Device, Invitation, Membership, User
from apps.accounts.services import open_account
from apps.analytics.queries import home
from apps.audience.models import Segment
from apps.audit.services import record
from apps.campaigns.models import Address, Click, Drop, Rival, Run, RunState, State, Trial, Trigger
from apps.catalog.models import Variant
from apps.catalog.services.stock import reserve
from apps.club import story
from apps.club.box_models import Box, BoxLine, BoxRule, Offer, Round, Selection, Wish
from apps.club.member_models import Answer, Arrear, DoorCode, Leaving, PriceChange
from apps.club.models import ClubPlan, Member, Period, Waiting
from apps.contacts.models import Contact
from apps.core.actor import SYSTEM, Actor
from apps.core.roles import Role
from apps.core.tenancy import current_schema, in_schema
from apps.core.webpush import Subscription
from apps.imports.models import Fate, ImportLine, ImportRun, ImportState
from apps.invoicing.models import Invoice
from apps.loyalty.models import Joining
from apps.loyalty.programme import set_programme
from apps.loyalty.services import the_programme
from apps.messaging.browsers import take
from apps.messaging.models import Alert, Attempt, Callback, Message, Status, Template, Wake
from apps.ops.demo import filling
from apps.ops.demo.shops import CAVE
from apps.ops.keeping import erasing
from apps.ops.keeping.reading import restore
from apps.ops.models import Erasure
from apps.shops import vault
from apps.shops.models import Domain, DomainClaim, SharedLine, Shop
from apps.shops.services import provision
from apps.wallet.models import GoogleObject, Pass
from tests.invoicing.writing import paid_out

SLUG = "gardee"
OWNER, HELPER = "gardienne@exemple.fr", "aide@exemple.fr"
LEFT = "partie@exemple.fr"  # helped once, member no more
ACCOUNT, TOKEN = "AC" + "a" * 32, b"0123456789abcdef0123456789abWXYZ"
LEGAL = ("legal_name", "siren", "street", "postal_code", "city")  # to write invoices
LOGO = b"RIFF-a-logo"
IMPORT = "téléphone\n0612345678\n".encode() * 20_000


def full_shop() -> Shop:
    """Committed: a shop as its people left it, with messages on their way."""
    fields = {name: value for name, value in CAVE.fields.items() if name in LEGAL}
    shop = provision(name="Cave gardée", slug=SLUG, trade="wine", sells_alcohol=True, **fields)
    _team(shop)
    _media(shop)
    demo = replace(CAVE, slug=SLUG, people=60)
    now = timezone.now()
    with in_schema(shop.schema_name):
        filling._fill_shop(demo, shop, now)
        _what_waits(now)
        Rival.objects.create(drop=Drop.objects.latest("pk"), sms_text="Bonsoir")
        Address.objects.create(key="3k9d2x", url="https://www.domaine.fr/")
        _the_rest(shop, now)
        _a_member(now)
        paid_out(shop, now)
        home(now)  # somebody looked: what the past came to is kept
    return Shop.objects.get(pk=shop.pk)


def _a_member(now) -> None:
    """One of the club, with a period that is paid, and somebody who waits for a place."""
    person, other = Contact.objects.order_by("pk")[:2]
    plan = ClubPlan.objects.first()
    member = Member.objects.create(plan=plan, contact=person, key=uuid4(), price_cents=3400)
    period = Period.objects.create(
        member=member,
        paid_as="in_1",
        starts=now.date(),
        ends=now.date() + timedelta(days=30),
        amount_cents=3400,
        invoice=Invoice.objects.first(),
    )
    story.tell(member, "asked", now=now, by=Actor("customer", person.pk))
    Waiting.objects.create(plan=plan, contact=other)
    DoorCode.objects.create(member=member, digest="d" * 64, ends_at=now)
    Arrear.objects.create(member=member, period=period, reason="soft", since=now)
    Leaving.objects.create(
        key=uuid4(),
        member=member,
        way="cancel",
        name="Inès Martin",
        email="ines@exemple.fr",
        asked_at=now,
        ends_at=now,
    )
    change = PriceChange.objects.create(
        plan=plan, price_cents=3600, applies_on=now.date(), announced_at=now
    )
    Answer.objects.create(change=change, member=member, former_cents=3400)
    _a_box(member, period, now)


def _a_box(member: Member, period: Period, now) -> None:
    """What was chosen for this month, promised on the shelf."""
    BoxRule.objects.create()
    Wish.objects.create(member=member)
    day = now.date()
    month = Round.objects.create(month=day.replace(day=1), choose_until=day, ready_on=day)
    bottle = Variant.objects.filter(is_counted=True, on_hand__gt=F("held") + 5).latest("pk")
    offered = Selection.objects.create(round=month, plan=member.plan)
    Offer.objects.create(selection=offered, variant=bottle)
    box = Box.objects.create(round=month, member=member, period=period, bottles=1)
    person, token = member.contact, uuid4()
    held = reserve(variant=bottle, contact=person, units=1, cause="box:1", token=token, now=now)
    BoxLine.objects.create(box=box, variant=bottle, units=1, reservation=held)


def _team(shop: Shop) -> None:
    for email, role in ((OWNER, Role.OWNER), (HELPER, Role.HELPER)):
        user = open_account(email, "vive-le-comptoir", name=email.partition("@")[0].title())
        with in_schema(shop.schema_name):
            Membership.objects.create(shop=shop, user=user, role=role)
    open_account(LEFT, "vive-le-comptoir", name="Parti")
    owner = User.objects.get(email=OWNER)
    with in_schema(shop.schema_name):
        Invitation.objects.create(
            shop=shop, email="bientot@exemple.fr", role=Role.HELPER, invited_by=owner
        )
        Device.objects.create(
            shop=shop, number=1, name="Comptoir", key_hash="a" * 64, offered_by=owner
        )
        DomainClaim.objects.create(shop=shop, domain="www.cave-gardee.fr")
        SharedLine.objects.create(shop=shop, address_hash="a" * 64, written_at=timezone.now())
        vault.keep(shop=shop, name=f"twilio:{ACCOUNT}", secret=TOKEN, by=SYSTEM)
        Shop.objects.filter(pk=shop.pk).update(
            sms_account=ACCOUNT, sms_account_sender="CAVE", sms_account_since=timezone.now()
        )
        Domain.objects.create(
            domain="www.cave-gardee.fr",
            tenant=shop,
            is_primary=False,
            verified_at=timezone.now(),
        )


def _media(shop: Shop) -> None:
    name = f"{shop.schema_name}/0123456789abcdef.webp"
    default_storage.save(name, ContentFile(LOGO))
    with in_schema(shop.schema_name):
        Shop.objects.filter(pk=shop.pk).update(logo=name)


def _what_waits(now) -> None:
    """A message in each state in which something may still happen, and live drops."""
    people = list(Contact.objects.exclude(phone="").order_by("pk")[:6])
    waits = (
        (Status.QUEUED, now, None),
        (Status.QUEUED, now + timedelta(days=2), None),
        (Status.SENDING, None, Status.SENDING),
        (Status.SENDING, now, Status.FAILED),
        (Status.SENT, now + timedelta(hours=1), Status.SENT),
    )
    drop = Drop.objects.create(title="En route", state=State.SENDING, launch_token=uuid4())
    told = {"channel": "sms", "kind": "commercial", "body": "Bonjour"}
    for person, (status, at, tried) in zip(people, waits, strict=False):
        message = Message.objects.create(
            **told,
            contact=person,
            cause=drop.cause,
            to=person.phone,
            file=f"{current_schema()}/factures/F2026-00001.pdf",
            status=status,
            available_at=at,
        )
        if tried:
            before = now - timedelta(minutes=10)
            asked = before + timedelta(minutes=2) if tried == Status.SENDING else None
            Attempt.objects.create(
                message=message,
                number=1,
                provider="local",
                status=tried,
                at=before,
                ask_at=asked,
            )
    Drop.objects.create(
        title="Demain",
        state=State.SCHEDULED,
        send_at=now + timedelta(days=1),
        launch_token=uuid4(),
    )
    Drop.objects.create(title="En préparation", state=State.PREPARING, launch_token=uuid4())
    Run.objects.filter(state=RunState.WAITING).update(state=RunState.DROPPED, at=None)
    Run.objects.create(
        trigger=Trigger.objects.on().earliest("pk"),
        contact=people[0],
        occasion="reward:0",
        caused_at=now,
        expires_at=now + timedelta(days=30),
        at=now + timedelta(days=2),
    )
    Trial.objects.create(drop=drop, to="+33612000000", body="Essai")


def _the_rest(shop: Shop, now) -> None:
    absent = {"groups": [{"rules": [{"is": "unseen", "days": 45}]}]}
    segment = Segment.objects.create(name="Absents", criteria=absent)
    Drop.objects.create(title="Brouillon", segment=segment)
    person = Contact.objects.order_by("pk").first()
    left = User.objects.get(email=LEFT)
    record(Actor("team", left.pk), "contact.note", "contact", person.pk, after={"é": "\t\n\\"})
    deleted = User.objects.create_user("supprimee@exemple.fr")
    record(Actor("team", deleted.pk), "contact.note", "contact", person.pk)
    User.objects.filter(pk=deleted.pk).delete()
    record(Actor("customer", left.pk), "contact.note", "contact", person.pk)
    Click.objects.create(drop=Drop.objects.latest("pk"), contact=person, link="card", at=now)
    Alert.objects.create(code="stopped_sms", contact=person, at=now)
    Wake.objects.create(at=now + timedelta(minutes=1), asked_at=now)
    take(person, Subscription("https://fcm.googleapis.com/fcm/send/x", "p", "a"), now)
    Template.objects.create(title="Nouvelles", category="marketing", text="Bonjour à tous")
    Callback.objects.create(provider="twilio", key="k" * 64, payload={"status": "sent"})
    Joining.objects.create(
        contact=person, channel="sms", address="+33612000001", agreed=["sms"], wording="2026-11"
    )
    set_programme(by=SYSTEM, now=now, goal=the_programme().goal + 2)
    bottle = Variant.objects.filter(is_counted=True, on_hand__gt=3).first()
    reserve(variant=bottle, contact=person, units=2, cause="drop:1", token=uuid4(), now=now)
    GoogleObject.objects.create(held=Pass.objects.earliest("pk"), issuer="3388000000012345678")
    name = default_storage.save(f"{shop.schema_name}/imports/liste.csv", ContentFile(IMPORT))
    run = ImportRun.objects.create(
        state=ImportState.RUNNING,
        file=name,
        file_name="liste.csv",
        digest="d" * 64,
        encoding="utf-8",
        separator=";",
        header=True,
        total=20_000,
        done=1,
        actor_id=User.objects.get(email=OWNER).pk,
    )
    ImportLine.objects.create(run=run, number=2, fate=Fate.CREATED, subject_id=person.pk)
    assert EmailAddress.objects.filter(email=OWNER, verified=True).exists()


def again(kept: BinaryIO) -> None:
    """The shop from its backup."""
    restore(kept, now=timezone.now(), say=lambda line: None)


def erase(**options) -> Erasure:
    """Erased by somebody at the platform's keyboard."""
    return erasing.erase(SLUG, by="ops", now=timezone.now(), **options)
