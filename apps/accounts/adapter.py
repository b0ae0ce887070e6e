"""allauth, told our ways: mails leave by a worker, and the visitor's address is the true one."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.accounts.mail import post_letter
from apps.accounts.models import User
from apps.core.network import client_address

# What the button of a mail says, by the name of allauth's template.
_ACTIONS = {
    "email_confirmation": _("Confirmer mon adresse"),
    "email_confirmation_signup": _("Confirmer mon adresse"),
    "password_reset_key": _("Choisir un mot de passe"),
    "account_already_exists": _("Choisir un mot de passe"),
}


class AccountAdapter(DefaultAccountAdapter):
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        context.setdefault("email", email)
        context["platform_host"] = settings.PLATFORM_HOST
        mail = self.render_mail(template_prefix, email, context)
        action = _ACTIONS.get(template_prefix.rpartition("/")[2], _("Continuer"))
        post_letter(to=email, subject=mail.subject, text=str(mail.body), action=str(action))

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return "/" if getattr(request, "is_admin_host", False) else settings.LOGIN_REDIRECT_URL


class GoogleAdapter(DefaultSocialAccountAdapter):
    def get_app(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> SocialApp:
        """Where no keys are set, Google's addresses do not exist."""
        try:
            return super().get_app(request, provider, client_id)
        except SocialApp.DoesNotExist as error:
            raise Http404 from error

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> User:
        """A person who comes by Google brings their name along."""
        user: User = super().populate_user(request, sociallogin, data)
        user.name = f"{data.get('first_name') or ''} {data.get('last_name') or ''}".strip()[:80]
        return user
