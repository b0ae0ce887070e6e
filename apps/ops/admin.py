"""Everything platform staff see, in one table; jobs are ours to show."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ

from apps.accounts import admin as accounts
from apps.accounts.models import Invitation, Membership, PlatformMail, StaffAct, User
from apps.core.admin import ReadOnly
from apps.core.models import WorkerProcess
from apps.ops.admin_site import site
from apps.ops.job_admin import DeadJobAdmin, QueueAdmin, WorkerAdmin
from apps.ops.models import Erasure
from apps.payments import admin as payments
from apps.shops import admin as shops
from apps.shops.models import Domain, DomainClaim, Shop


class ShopAdmin(shops.ShopAdmin):
    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "failures", "pieces")

    @admin.display(description=_("messages"))
    def failures(self, shop: Shop) -> SafeString:
        address = reverse("admin:failed_messages", args=[shop.pk])
        return format_html('<a href="{}">{}</a>', address, _("Échecs"))

    @admin.display(description=_("comptabilité"))
    def pieces(self, shop: Shop) -> SafeString:
        address = reverse("admin:bookkeeping_pieces", args=[shop.pk])
        return format_html('<a href="{}">{}</a>', address, _("Pièces"))


class LogAdmin(ReadOnly):
    list_display = ("action_time", "user", "content_type", "object_id", "action_flag", "reason")
    list_select_related = ("user", "content_type")
    fields = list_display
    readonly_fields = ("reason",)

    @admin.display(description=_("raison"))
    def reason(self, entry: LogEntry) -> str:
        return entry.get_change_message()


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
    Failure: DeadJobAdmin,
    WorkerProcess: WorkerAdmin,
    **payments.SHOWN,
}
for model, shown_by in SHOWN.items():
    site.register(model, shown_by)
