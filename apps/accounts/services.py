"""Opening accounts and shops, and ending what was opened."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.mail import post_letter
from apps.accounts.models import Membership, Session, StaffAct, User
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.core.roles import Role
from apps.core.tenancy import across_shops, in_schema
from apps.shops.models import Shop, Trade, Unpaid
from apps.shops.services import provision
from apps.shops.standing import trial_end

PROOFS = Limit("proof", 5, 900)


class NotProven(Refusal):
    message = _("Ce n’est pas le bon code ou le bon mot de passe.")
    status = 403


class NoReason(Refusal):
    message = _("Écrivez la raison : elle reste dans le registre.")
    status = 422


def home_of(role: str) -> str:
    """Where a person of that role begins: the desk, or the counter."""
    return "/comptoir/" if role == Role.HELPER else "/gestion/"


@transaction.atomic
def open_account(
    email: str, password: str | None = None, *, name: str = "", is_staff: bool = False
) -> User:
    """A person whose address is known to be theirs (staff, demonstration): no mail to confirm."""
    make = User.objects.create_superuser if is_staff else User.objects.create_user
    user = make(email, password, name=name)
    mark_verified(user)
    return user


def mark_verified(user: User) -> None:
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def open_shop(
    *, user: User, name: str, slug: str, trade: str = Trade.OTHER, sells_alcohol: bool | None = None
) -> Shop:
    """A new shop whose owner is ``user``. Raises ``SlugTaken``."""

    def membership(shop: Shop) -> None:
        Membership.objects.using("owner").create(shop=shop, user_id=user.pk, role=Role.OWNER)

    trial = trial_end(timezone.now())
    return provision(
        name=name,
        slug=slug,
        beside=membership,
        trade=trade,
        sells_alcohol=sells_alcohol,
        unpaid_from=trial,
        unpaid_why=Unpaid.TRIAL if trial else "",
    )


def end_sessions(user: User, *, schema: str | None = None) -> int:
    """End the person's sessions, in one shop or everywhere; returns how many."""
    sessions = Session.objects.filter(user_id=user.pk)
    if schema is None:
        with across_shops():
            return sessions.delete()[0]
    with in_schema(schema):
        return sessions.filter(schema=schema).delete()[0]


def has_second_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def prove(user: User, proof: str) -> None:
    """It is really them: a code where there is a second factor, else the password.

    Raises ``NotProven``, and ``TooMany`` after five tries in a quarter of an hour.
    """
    spend(PROOFS, user.pk)
    if has_second_factor(user):
        codes = Authenticator.objects.filter(user=user)
        if any(one.wrap().validate_code(proof.replace(" ", "")) for one in codes):
            return
    elif user.check_password(proof):
        return
    raise NotProven()


@transaction.atomic
def reset_second_factor(*, user: User, by: User, reason: str) -> StaffAct:
    """A lost second factor: staff take it off, with a reason that stays (append-only).

    The person is told by mail, and every session of theirs ends. Raises ``NoReason``.
    """
    if not reason.strip():
        raise NoReason()
    Authenticator.objects.filter(user=user).delete()
    act = StaffAct.objects.create(
        staff=by, user=user, act="reset_second_factor", reason=reason.strip()
    )
    end_sessions(user)
    post_letter(
        to=user.email,
        subject=str(_("Votre double authentification a été retirée")),
        text=render_to_string("accounts/mail/second_factor_reset.txt", {"user": user}),
    )
    return act
