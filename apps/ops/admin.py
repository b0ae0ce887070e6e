"""Everything platform staff see, in one table; jobs and what dj-stripe mirrors are ours to show."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ
from django_q.tasks import async_task

from apps.accounts import admin as accounts
from apps.accounts.models import Invitation, Membership, PlatformMail, StaffAct, User
from apps.core.admin import ReadOnly
from apps.core.logs import scrub
from apps.ops.admin_site import site
from apps.ops.models import Erasure
from apps.shops import admin as shops
from apps.shops.models import Domain, DomainClaim, Shop


class ShopAdmin(shops.ShopAdmin):
    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "failures")

    @admin.display(description=_("messages"))
    def failures(self, shop: Shop) -> SafeString:
        address = reverse("admin:failed_messages", args=[shop.pk])
        return format_html('<a href="{}">{}</a>', address, _("Échecs"))


class QueueAdmin(ReadOnly):
    """Jobs that wait or run. A job carries a schema, a task and ids."""

    list_display = ("pk", "task_name", "lock")
    ordering = ("lock",)
    fields = ("task_name", "schema", "lock")
    readonly_fields = ("task_name", "schema")

    @admin.display(description=_("tâche"))
    def task_name(self, job: OrmQ) -> str:
        return str(job.task["name"]) if isinstance(job.task, dict) else "?"

    @admin.display(description=_("schéma"))
    def schema(self, job: OrmQ) -> str:
        return str(job.task["args"][0]) if isinstance(job.task, dict) else "?"


class FailureAdmin(ReadOnly):
    list_display = ("name", "schema", "started", "attempt_count", "error")
    ordering = ("-started",)
    fields = ("name", "schema", "ids", "started", "stopped", "attempt_count", "error")
    readonly_fields = ("schema", "ids", "error")
    actions = ("retry",)

    @admin.display(description=_("schéma"))
    def schema(self, task: Failure) -> str:
        return str(task.args[0]) if task.args else ""

    @admin.display(description=_("numéros"))
    def ids(self, task: Failure) -> str:
        return scrub(", ".join(str(part) for part in task.args[2:])) if task.args else ""

    @admin.display(description=_("erreur"))
    def error(self, task: Failure) -> str:
        lines = str(task.result or "").strip().splitlines()
        return scrub(lines[-1])[:200] if lines else ""

    @admin.action(description=_("Relancer"))
    def retry(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Queue the same job again; tasks are written to be run twice without harm."""
        with transaction.atomic():
            for task in queryset.select_for_update():
                async_task(task.func, *task.args, task_name=task.name)
                task.delete()
        self.message_user(request, _("Relancé."))


class StripeAdmin(ReadOnly):
    """A mirror of Stripe's object: its id and kind, nothing about a person."""

    list_display = ("id", "livemode", "created")
    search_fields = ("id",)
    ordering = ("-created",)
    fields = ("id", "livemode", "created")


class LogAdmin(ReadOnly):
    list_display = ("action_time", "user", "content_type", "object_id", "action_flag")
    list_select_related = ("user", "content_type")
    fields = ("action_time", "user", "content_type", "object_id", "action_flag")


class AuthenticatorAdmin(ReadOnly):
    """Who has a second factor; the secret itself is shown to nobody."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    fields = ("user", "type", "created_at", "last_used_at")


class ErasureAdmin(ReadOnly):
    """Shops that left: when, by whom, and where what the law wants kept lies."""

    list_display = ("slug", "began_at", "ended_at", "by", "archive")
    ordering = ("-began_at",)
    search_fields = ("slug",)
    fields = ("slug", "schema", "by", "began_at", "ended_at", "people", "files", "archive")


class GroupAdmin(admin.ModelAdmin):
    filter_horizontal = ("permissions",)


# By name: no room but payments speaks Stripe, this one only shows its mirror.
STRIPE = [
    apps.get_model("djstripe", name)
    for name in ("Account", "Event", "Price", "Product", "Subscription")
]
SHOWN: dict[Any, type[admin.ModelAdmin]] = {
    Shop: ShopAdmin,
    Domain: shops.DomainAdmin,
    DomainClaim: shops.DomainClaimAdmin,
    User: accounts.UserAdmin,
    Membership: accounts.MembershipAdmin,
    Invitation: accounts.InvitationAdmin,
    StaffAct: accounts.StaffActAdmin,
    PlatformMail: accounts.PlatformMailAdmin,
    Authenticator: AuthenticatorAdmin,
    Group: GroupAdmin,
    LogEntry: LogAdmin,
    Erasure: ErasureAdmin,
    OrmQ: QueueAdmin,
    Failure: FailureAdmin,
    **dict.fromkeys(STRIPE, StripeAdmin),
}
for model, shown_by in SHOWN.items():
    site.register(model, shown_by)
