"""A shop with a year of life, made once for all walks, and one that opened this minute."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from apps.audience.models import Segment
from apps.campaigns.links import short
from apps.campaigns.lot_models import Booking
from apps.campaigns.models import Drop, Send, Trigger
from apps.catalog.models import Variant
from apps.club import story
from apps.club.box_models import Box, Round
from apps.club.member_models import Arrear, Reason
from apps.club.models import ClubPlan, Member, Period, State, Waiting
from apps.contacts.models import Contact
from apps.core.tenancy import in_schema
from apps.core.tokens import new_token
from apps.invoicing.models import Draft, Invoice
from apps.loyalty.first_touch import code_of
from apps.loyalty.models import Card, Joining, Movement, Reward
from apps.loyalty.rule import months_later
from apps.messaging.models import Reply
from apps.ops.demo import filling
from apps.ops.demo.boxes import Boxes
from apps.ops.demo.shops import CAVE
from apps.payments.models import Back, Charge, Dispute, Refund, ShopAccount, Verdict
from apps.shops.models import Shop
from tests.club.boxing import a_period
from tests.e2e.stack import Stack

LIFE = replace(CAVE, slug="pleine", people=240, days=365)


def full_shop(stack: Stack) -> Shop:
    found = Shop.objects.filter(slug=LIFE.slug).first()
    if found is not None:
        return found
    fields = {name: value for name, value in LIFE.fields.items() if name != "name"}
    made = stack.open_shop(LIFE.slug, "Cave du Marché", **fields)
    stack.member(made, "helper")
    with in_schema(made.schema_name):
        filling._fill_shop(LIFE, made, timezone.now())
        _some_oddities()
        _some_members(made)
        paid_online(made)
        _some_boxes()
    return made


def _some_oddities() -> None:
    """What pages must bear: nobody's name, the longest of names, a joining that waits."""
    Contact.objects.create(phone="+33353019999")
    Contact.objects.create(
        first_name="Marie-Antoinette-Joséphine",
        last_name="de La Rochefoucauld-Montmorency et de Clermont-Tonnerre",
        email="une.adresse.electronique.remarquablement.longue@sous-domaine.exemple.fr",
        last_visit_at=timezone.now() - timedelta(minutes=5),
    )
    waiting = Contact.objects.filter(card__isnull=False).latest("pk")
    Joining.objects.create(
        contact=waiting, channel="sms", address="+33612000000", agreed=["sms"], wording="2026-11"
    )


def _some_members(shop: Shop) -> None:
    """As they stand once Stripe has told of them."""
    ShopAccount.objects.create(shop=shop, account_id=f"acct_{shop.slug}", takes_cards=True)
    now, people = timezone.now(), Contact.objects.exclude(email="").order_by("pk")[:6]
    full = ClubPlan.objects.exclude(places=None).order_by("pk").last()
    plan = ClubPlan.objects.order_by("pk").first()
    for person, state in zip(people, [s for s in State if s != State.JOINING], strict=True):
        gift = {"giver": person, "gift_periods": 3, "gift_name": "Lucie"}
        member = Member.objects.create(
            plan=plan,
            contact=person,
            key=uuid4(),
            state=state,
            price_cents=3400,
            street="27 rue des Tonneliers",
            postal_code="21200",
            city="Beaune",
            began_at=now,
            ended_at=now if state == State.ENDED else None,
            **(gift if state == State.GIVEN else {}),
        )
        story.tell(member, "asked", now=now)
        if state == State.LATE:
            _owes(member, now)
    Waiting.objects.create(plan=full, contact=people[0])


def _owes(member: Member, now: datetime) -> None:
    """A month that the bank refused."""
    today = now.date()
    period = Period.objects.create(
        member=member,
        paid_as=f"in_{member.pk}",
        starts=today,
        ends=today + timedelta(days=30),
        amount_cents=member.total_cents,
    )
    Arrear.objects.create(member=member, period=period, reason=Reason.HARD, since=now)


def _bought(shop: Shop) -> dict[str, dict[str, object]]:
    return _billed(shop) | _club(shop) | _boxes(shop)


def _some_boxes() -> None:
    """Of last month, all gone, and of this one, half of them ready; who is late stands apart."""
    this = timezone.localdate().replace(day=1)
    for member in Member.objects.exclude(state=State.GIVEN).order_by("pk"):
        for month in (months_later(this, -1), this):
            a_period(member, starts=month, paid=member.state != State.LATE)
    Boxes(LIFE.slug, author=1, now=timezone.now()).write()


def _boxes(shop: Shop) -> dict[str, dict[str, object]]:
    """A round that goes on, a box that is to be packed, one that waits at the counter."""
    with in_schema(shop.schema_name):
        one = Round.objects.filter(closed_at=None).first()
        if one is None:
            return {}
        standing = Box.objects.filter(round=one).select_related("member")
        box = standing.order_by("-state", "pk").first()
    plain = {name: {"pk": one.pk} for name in ("club_round", "club_preparation", "club_labels")}
    chosen = {"pk": one.pk, "plan_id": box.member.plan_id}
    named = {name: {"pk": box.pk} for name in ("club_box", "counter-box")}
    return {"club_rounds": {}, **plain, **named, "club_selection": chosen}


def _club(shop: Shop) -> dict[str, dict[str, object]]:
    """A plan, somebody who belongs to it, a gift nobody has opened, a place in line."""
    with in_schema(shop.schema_name):
        plan = ClubPlan.objects.order_by("pk").first()
        by_state = {member.state: member for member in Member.objects.order_by("pk")}
        waiting, arrear = Waiting.objects.first(), Arrear.objects.first()
    if plan is None or waiting is None or arrear is None:
        return {}
    return {
        "club-thanks": {"token": by_state["active"].token},
        "club-gift": {"token": by_state["given"].token},
        "club-line": {"token": waiting.token},
        "club_pay": {"token": arrear.token},
        "club_mine": {"token": by_state["active"].token, "number": "F2026-00001"},
        "club_price": {"pk": plan.pk},
        "club_member": {"pk": by_state["active"].pk},
        **{name: {"pk": plan.pk} for name in ("club-plan", "club-give", "club-wait")},
        "club_plan_new": {},
        "club_plan": {"pk": plan.pk},
    }


def paid_online(shop: Shop) -> list[Charge]:
    """A payment given back in part, one that a bank contests, one that is neither."""
    now = timezone.now()
    made = [
        Charge.objects.create(
            shop=shop,
            charge_id=f"ch_{shop.slug}{place}",
            amount_cents=cents,
            refunded_cents=back,
            fee_cents=cents * 15 // 1000 + 25,
            kept_cents=cents // 100,
            share_back_cents=back // 100,
            by="card",
            last4="4242",
            made_at=now - timedelta(days=place),
            read_at=now,
        )
        for place, (cents, back) in enumerate([(3400, 1200), (5900, 0), (3400, 0)])
    ]
    given = {"amount_cents": 1200, "reason": "returned", "asked_at": now}
    Refund.objects.create(
        shop=shop, charge=made[0], refund_id=f"re_{shop.slug}", status=Back.DONE, **given
    )
    Dispute.objects.create(
        shop=shop,
        charge=made[1],
        dispute_id=f"dp_{shop.slug}",
        amount_cents=5900,
        taken_cents=5900,
        fee_cents=2000,
        reason="product_not_received",
        verdict=Verdict.ANSWER,
        answer_by=now + timedelta(days=6),
        made_at=now,
    )
    return made


def empty_shop(stack: Stack) -> Shop:
    found = Shop.objects.filter(slug="vide").first()
    return found or stack.open_shop("vide", "Nouvelle Cave", trade="wine")


def _reserving(shop: Shop, token: str) -> dict[str, dict[str, object]]:
    """What is on sale, and somebody it is held for."""
    with in_schema(shop.schema_name):
        held = Booking.objects.filter(state="held", lot__settled_at=None).select_related("lot")
        booking = held.order_by("-lot", "pk").first()
    if booking is None:
        return {}
    drop = {"pk": booking.lot.drop_id}
    return {
        "lot": {"drop": short(booking.lot.drop_id), "token": token, **drop},
        "reservation": drop,
        "counter-booking": {"booking_id": booking.pk},
    }


def _billed(shop: Shop) -> dict[str, dict[str, object]]:
    """An invoice of several lines that waits for its money, and a draft."""
    with in_schema(shop.schema_name):
        bill = Invoice.objects.unpaid().latest("pk")
        draft = Draft.objects.latest("pk")
    plain = {name: {} for name in ("invoices", "invoice_purchases", "invoice_new")}
    drafts = {name: {"pk": draft.pk} for name in ("invoice_draft", "invoice_edit")}
    one = {"number": bill.number}
    pushed = {"push_piece": {"pk": 0}}  # the worker has sent nothing yet
    more = {**pushed, **_online(shop), **_texts()}
    return {**plain, **drafts, **more, "invoice": one, "credit_note": one}


def _online(shop: Shop) -> dict[str, dict[str, object]]:
    """What a bank contests."""
    with in_schema(shop.schema_name):
        return {"takings": {}, "taking": {"pk": Dispute.objects.latest("pk").charge_id}}


def _texts() -> dict[str, dict[str, object]]:
    """The legal texts, which the demonstration published twice."""
    versions = {
        f"legal-{kind}-version": {"number": 1} for kind in ("sales", "withdrawal", "notice")
    }
    files = {name.replace("version", "file"): said for name, said in versions.items()}
    one = {"settings_text_": {"place": "cgv", "number": 1, "form": "pdf"}}
    return {**versions, **files, **one, "settings_texts": {}, "settings_text": {"place": "cgv"}}


def _sponsoring(shop: Shop, card: Card) -> dict[str, dict[str, object]]:
    """The link that this card's holder gives to a friend."""
    with in_schema(shop.schema_name):
        return {"sponsored": {"code": code_of(card.number)}}


def places(shop: Shop) -> dict[str, dict[str, object]]:
    """For each named address of a shop's host, something of this shop to open."""
    with in_schema(shop.schema_name):
        card = Card.objects.select_related("contact").order_by("-rewards_ready", "-balance").first()
        segment = Segment.objects.first()
        joining = Joining.objects.filter(confirmed_at=None).first()
        code = Send.objects.filter(uses=None, held_out=False).values_list("code", flat=True).first()
        drops = {drop.state: drop.pk for drop in Drop.objects.all()}
        trigger = Trigger.objects.order_by("pk").first()
        reward = Reward.objects.filter(redemption=None, taken_back_at=None).first()
        wrote = Reply.objects.exclude(contact=None).first()
        strange = Reply.objects.filter(contact=None).first()
        bottle = Variant.objects.filter(product__kind="wine").order_by("pk").first()
        stamp = Movement.objects.filter(kind="earn").order_by("-at").first()
    found: dict[str, dict[str, object]] = {"theme": {"digest": shop.theme_url[7:-4]}}
    found["import"] = {"slug": "achats"}
    if card is None:
        return found
    found["card"] = {"token": card.token}
    found["choices"] = {"token": card.contact.link_token}
    found |= {f"counter-{what}": {"card_id": card.pk} for what in ("card", "stamp", "return")}
    found["voucher"] = found["counter-code-one"] = {"code": code}
    found["onward"] = {"door": "l", "number": "1", "token": card.token}
    found["contact"] = {"pk": card.contact_id, "tag": 1}
    found |= _reserving(shop, card.contact.link_token) | _sponsoring(shop, card) | _bought(shop)
    found["drop_new"] = {}
    found["drop_launch"] = found["drop_product"] = found["drop_who"] = {"pk": drops["draft"]}
    found["drop"] = {"pk": drops["done"], "act": "pause"}
    if trigger:
        found["trigger"] = {"pk": trigger.pk, "verb": "copier"}
    if segment:
        found["segment_new"] = found["segments"] = {}
        found["segment"] = {"pk": segment.pk}
    if wrote and strange:
        found["conversation"] = {"contact_id": wrote.contact_id}
        found["stranger"] = {"reply_id": strange.pk}
    if joining:
        found["verify"] = {"token": joining.token}
    if reward:
        found["counter-give"] = {"reward_id": reward.pk}
    if stamp:
        found["counter-undo"] = {"movement_id": stamp.pk}
    last_month = timezone.localdate().replace(day=1) - timedelta(days=1)
    found["spent_in"] = {"year": last_month.year, "month": last_month.month}
    found["spending_csv"] = found["spent_in"]
    if bottle:
        found["product"] = {"pk": bottle.product_id}
        found["stock"] = {"pk": bottle.pk}
    found["invitation"] = {"token": new_token()}
    return found
