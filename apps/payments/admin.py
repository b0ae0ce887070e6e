"""What platform staff see of Stripe: who pays, what was told, what differs; and a replay."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from djstripe.models import Account, Price, Product, Subscription

from apps.core.admin import ReadOnly
from apps.payments import events
from apps.payments.models import (
    Charge,
    Difference,
    Dispute,
    PlanBill,
    Refund,
    ShopAccount,
    StripeEvent,
    Subscriber,
)


class MirrorAdmin(ReadOnly):
    """Stripe's object as it is kept here: its id and kind, nothing about a person."""

    list_display = ("id", "livemode", "created")
    search_fields = ("id",)
    ordering = ("-created",)
    fields = ("id", "livemode", "created")


class SubscriptionAdmin(ReadOnly):
    list_display = ("id", "customer_id", "status", "livemode", "created")
    search_fields = ("id", "customer__id")
    ordering = ("-created",)
    fields = list_display
    readonly_fields = ("status",)

    @admin.display(description=_("état"))
    def status(self, subscription: Subscription) -> str:
        return str(subscription.stripe_data.get("status", ""))


class SubscriberAdmin(ReadOnly):
    list_display = ("shop", "customer_id", "plan", "unpaid_from", "unpaid_why", "read_at")
    list_select_related = ("shop",)
    search_fields = ("customer_id", "shop__name", "shop__slug")
    fields = ("shop", "customer_id", "plan", "unpaid_from", "unpaid_why", "read_at", "made_at")
    readonly_fields = ("plan", "unpaid_from", "unpaid_why")

    @admin.display(description=_("formule"))
    def plan(self, one: Subscriber) -> str:
        return one.shop.plan

    @admin.display(description=_("impayée depuis"))
    def unpaid_from(self, one: Subscriber) -> object:
        return one.shop.unpaid_from

    @admin.display(description=_("raison"))
    def unpaid_why(self, one: Subscriber) -> str:
        return one.shop.get_unpaid_why_display()


class AccountAdmin(ReadOnly):
    list_display = ("shop", "account_id", "takes_cards", "pays_out", "left_at", "read_at")
    list_select_related = ("shop",)
    search_fields = ("account_id", "shop__name", "shop__slug")
    fields = (*list_display, "told_all", "asked", "late", "why", "made_at")


class PlanBillAdmin(ReadOnly):
    list_display = ("shop", "stripe_id", "total_cents", "happened_at", "number", "waits_for")
    list_select_related = ("shop",)
    list_filter = (("number", admin.EmptyFieldListFilter),)
    search_fields = ("stripe_id", "number", "shop__name", "shop__slug")
    ordering = ("-pk",)
    fields = (*list_display, "plan", "net_cents", "paid_cents", "since", "until")


class ChargeAdmin(ReadOnly):
    list_display = ("shop", "charge_id", "amount_cents", "refunded_cents", "made_at", "read_at")
    list_select_related = ("shop",)
    search_fields = ("charge_id", "payment_id", "paid_as", "shop__name", "shop__slug")
    ordering = ("-made_at",)
    fields = (*list_display, "payment_id", "paid_as", "fee_cents", "kept_cents", "share_back_cents")


class DisputeAdmin(ReadOnly):
    list_display = ("shop", "dispute_id", "amount_cents", "reason", "verdict", "answer_by")
    list_select_related = ("shop",)
    list_filter = ("verdict",)
    search_fields = ("dispute_id", "charge__charge_id", "shop__name")
    ordering = ("-made_at",)
    fields = (*list_display, "taken_cents", "fee_cents", "made_at")


class RefundAdmin(ReadOnly):
    list_display = ("shop", "refund_id", "amount_cents", "status", "why_not", "asked_at")
    list_select_related = ("shop",)
    list_filter = ("status",)
    search_fields = ("refund_id", "charge__charge_id", "shop__name")
    ordering = ("-asked_at",)
    fields = (*list_display, "reason", "once")


class EventAdmin(ReadOnly):
    list_display = ("event_id", "kind", "account", "about", "made_at", "outcome", "tries", "error")
    list_filter = ("outcome", "kind")
    search_fields = ("event_id", "about", "account")
    ordering = ("-pk",)
    fields = (*list_display, "received_at", "due_at", "applied_at")
    actions = ("replay",)

    @admin.action(description=_("Rejouer ces événements"))
    def replay(self, request: HttpRequest, chosen: "QuerySet[StripeEvent]") -> None:
        many = events.replay(chosen)
        said = ngettext("%(n)d événement rejoué.", "%(n)d événements rejoués.", many)
        messages.success(request, said % {"n": many})


class DifferenceAdmin(ReadOnly):
    list_display = ("gap", "account", "about", "here", "there", "found_at", "seen_at", "gone_at")
    list_filter = ("gap", ("gone_at", admin.EmptyFieldListFilter))
    search_fields = ("about",)
    ordering = ("-pk",)
    fields = list_display


SHOWN = {
    Subscriber: SubscriberAdmin,
    ShopAccount: AccountAdmin,
    PlanBill: PlanBillAdmin,
    Charge: ChargeAdmin,
    Refund: RefundAdmin,
    Dispute: DisputeAdmin,
    StripeEvent: EventAdmin,
    Difference: DifferenceAdmin,
    Subscription: SubscriptionAdmin,
    **dict.fromkeys((Account, Price, Product), MirrorAdmin),
}
