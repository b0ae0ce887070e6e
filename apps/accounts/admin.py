"""People, their places and the platform's mails, for platform staff."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.accounts.services import end_sessions, reset_second_factor
from apps.core.admin import ReadOnly
from apps.core.refusal import Refusal


class UserAdmin(admin.ModelAdmin):
    """A person is switched off, never deleted: what they did stays theirs."""

    list_display = ("email", "name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = (
        "email",
        "name",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "date_joined",
        "last_login",
    )
    readonly_fields = ("email", "date_joined", "last_login")
    actions = ("reset_second_factor",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        rights = () if request.user.is_superuser else ("is_staff", "is_superuser", "groups")  # type: ignore[union-attr]
        return (*self.readonly_fields, *rights)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            end_sessions(obj)

    @admin.action(description=_("Réinitialiser la double authentification"), permissions=["change"])
    def reset_second_factor(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> HttpResponse | None:
        """One person at a time, with a reason; the act stays in the register."""
        user = queryset.first()
        if user is None or queryset.count() != 1:
            self.message_user(request, _("Une seule personne à la fois."), messages.WARNING)
            return None
        refused = ""
        if "reason" in request.POST:
            try:
                reset_second_factor(user=user, by=request.user, reason=request.POST["reason"])  # type: ignore[arg-type]
            except Refusal as refusal:
                refused = str(refusal)
            else:
                self.message_user(request, _("Double authentification retirée, trace gardée."))
                return None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Réinitialiser la double authentification"),
            "person": user,
            "refused": refused,
            "opts": self.model._meta,
        }
        status = 422 if refused else 200
        page = "accounts/admin_reset_second_factor.html"
        return TemplateResponse(request, page, context, status=status)


class MembershipAdmin(ReadOnly):
    list_display = ("shop", "user", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("shop__name", "user__email")
    list_select_related = ("shop", "user")


class InvitationAdmin(ReadOnly):
    list_display = ("shop", "role", "created_at", "expires_at", "accepted_at", "revoked_at")
    search_fields = ("shop__name",)
    list_select_related = ("shop",)
    # Neither the token, which opens it, nor the address of somebody who is not here yet.
    fields = (
        "shop",
        "role",
        "invited_by",
        "created_at",
        "expires_at",
        "accepted_at",
        "revoked_at",
    )


class StaffActAdmin(ReadOnly):
    list_display = ("at", "act", "staff", "user", "reason")
    list_select_related = ("staff", "user")
    ordering = ("-at",)


class PlatformMailAdmin(ReadOnly):
    list_display = ("pk", "subject", "created_at", "claimed_at", "sent_at", "error")
    ordering = ("-pk",)
    # No text and no address: a link in it would open somebody's account.
    fields = ("subject", "created_at", "claimed_at", "sent_at", "error")
