"""A shop's team: who is asked in, what each becomes, who leaves, who owns."""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.mail import post_letter
from apps.accounts.models import Invitation, Membership, Pin, User
from apps.accounts.services import end_sessions
from apps.core.actor import Actor
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.core.roles import Right, Role
from apps.core.tenancy import across_shops, in_schema
from apps.core.trail import record
from apps.shops.models import Shop
from apps.shops.plans import plan_of

INVITATION_DAYS = 7
INVITATIONS = Limit("invite", 30, 86_400)


class NotYours(Refusal):
    message = gettext_lazy("Votre rôle ne permet pas cette action.")
    status = 403


class AlreadyInTheTeam(Refusal):
    message = gettext_lazy("Cette personne fait déjà partie de l’équipe.")


class AlreadyInvited(Refusal):
    message = gettext_lazy(
        "Une invitation attend déjà cette adresse. Vous pouvez la renvoyer ci-dessous."
    )


class TeamFull(Refusal):
    message = gettext_lazy(
        "La formule %(plan)s comprend une équipe de %(most)s personnes, invitations comprises. "
        "Retirez quelqu’un, ou changez de formule dans Réglages, Abonnement."
    )


class InvitationOver(Refusal):
    message = gettext_lazy(
        "Cette invitation a expiré, a été retirée ou a déjà servi. Demandez-en une nouvelle à la "
        "personne qui vous a invité."
    )
    status = 410


class AnotherAddress(Refusal):
    message = gettext_lazy(
        "Cette invitation est destinée à une autre adresse e-mail. Connectez-vous avec "
        "l’adresse qui l’a reçue."
    )
    status = 403


class OwnerStays(Refusal):
    message = gettext_lazy(
        "La personne propriétaire ne peut ni partir ni changer de rôle : cédez d’abord la boutique."
    )


def roles_given_by(role: str) -> list[Role]:
    """Which roles a person of ``role`` may give to somebody else."""
    return {
        Role.OWNER.value: [Role.HELPER, Role.MANAGER],
        Role.MANAGER.value: [Role.HELPER],
    }.get(role, [])


def _check_may_give(by: Membership, role: str) -> None:
    if role not in roles_given_by(by.role):
        raise NotYours()


def _send(invitation: Invitation) -> None:
    base = f"{settings.SCHEME}://{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}"
    context = {
        "invitation": invitation,
        "shop": invitation.shop,
        "url": f"{base}/invitations/{invitation.token}/",
    }
    post_letter(
        to=invitation.email,
        subject=_("%(shop)s vous invite sur Comptoir") % {"shop": invitation.shop.name},
        text=render_to_string("accounts/mail/invitation.txt", context),
        action=_("Voir l’invitation"),
    )


@transaction.atomic
def invite(*, by: Membership, email: str, role: str, now: datetime | None = None) -> Invitation:
    """Ask ``email`` into the shop of ``by``. An expired invitation gives way to the new one.

    Raises ``NotYours``, ``AlreadyInTheTeam``, ``AlreadyInvited``, ``TeamFull`` or ``TooMany``.
    """
    now = now or timezone.now()
    _check_may_give(by, role)
    email = email.strip().lower()
    # Two colleagues inviting at once: the second waits here and is told.
    shop = Shop.objects.select_for_update().get(schema_name=by.shop_id)
    if Membership.objects.filter(shop=shop, user__email__iexact=email).exists():
        raise AlreadyInTheTeam()
    waiting = Invitation.objects.filter(
        shop=shop, email__iexact=email, accepted_at=None, revoked_at=None
    )
    if waiting.filter(expires_at__gt=now).exists():
        raise AlreadyInvited()
    _check_room(shop, now)
    spend(INVITATIONS, shop.pk)
    waiting.update(revoked_at=now)
    invitation = Invitation.objects.create(
        shop=shop,
        email=email,
        role=role,
        invited_by_id=by.user_id,
        expires_at=now + timedelta(days=INVITATION_DAYS),
    )
    _send(invitation)
    record(by.actor, "team.invite", "invitation", invitation.pk, after={"role": role})
    return invitation


def _check_room(shop: Shop, now: datetime) -> None:
    """Who is in the team and who was asked in, beside what the plan has."""
    plan = plan_of(shop)
    if plan is None:
        return
    asked = Invitation.objects.filter(shop=shop, accepted_at=None, revoked_at=None)
    people = Membership.objects.filter(shop=shop).count()
    if people + asked.filter(expires_at__gt=now).count() >= plan.helpers:
        raise TeamFull(plan=plan.name, most=plan.helpers)


def _open_invitation(by: Membership, invitation_id: int) -> Invitation:
    found = (
        Invitation.objects.select_for_update(of=("self",))
        .select_related("shop", "invited_by")
        .filter(pk=invitation_id, shop_id=by.shop_id, accepted_at=None, revoked_at=None)
        .first()
    )
    if found is None:
        raise InvitationOver()
    _check_may_give(by, found.role)
    return found


@transaction.atomic
def resend(*, by: Membership, invitation_id: int, now: datetime | None = None) -> Invitation:
    """The same invitation by mail once more, good for a week from now."""
    invitation = _open_invitation(by, invitation_id)
    spend(INVITATIONS, by.shop_id)
    invitation.expires_at = (now or timezone.now()) + timedelta(days=INVITATION_DAYS)
    invitation.save(update_fields=["expires_at"])
    _send(invitation)
    record(by.actor, "team.resend", "invitation", invitation.pk)
    return invitation


@transaction.atomic
def revoke(*, by: Membership, invitation_id: int) -> Invitation:
    """The invitation opens nothing any more."""
    invitation = _open_invitation(by, invitation_id)
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    record(by.actor, "team.revoke", "invitation", invitation.pk)
    return invitation


def open_invitation(token: str, now: datetime | None = None) -> Invitation:
    """The invitation that ``token`` opens. Raises ``InvitationOver``."""
    asked = Invitation.objects.select_related("shop", "invited_by").filter(
        token=token,
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=now or timezone.now(),
        shop__closed_at=None,
    )
    with across_shops():
        found = asked.first()
    if found is None:
        raise InvitationOver()
    return found


def verified_addresses(user: User) -> set[str]:
    addresses = EmailAddress.objects.filter(user=user, verified=True)
    return {address.lower() for address in addresses.values_list("email", flat=True)}


@transaction.atomic
def accept(*, token: str, user: User, now: datetime | None = None) -> Membership:
    """``user`` joins the team; the invited address must be one they have proven.

    Raises ``InvitationOver`` or ``AnotherAddress``. Somebody already in keeps their role.
    """
    now = now or timezone.now()
    invitation = open_invitation(token, now)
    if invitation.email.lower() not in verified_addresses(user):
        raise AnotherAddress()
    # The token has shown the shop: what follows is done in it, as any work of its team.
    with in_schema(invitation.shop_id):
        taken = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
        if not taken.update(accepted_at=now):
            raise InvitationOver()
        membership, made = Membership.objects.get_or_create(
            shop=invitation.shop, user=user, defaults={"role": invitation.role}
        )
        if made:
            by = Actor("team", user.pk)
            record(by, "team.join", "membership", membership.pk, after={"role": membership.role})
    return membership


def _colleague(by: Membership, membership_id: int) -> Membership:
    return (
        Membership.objects.select_for_update(of=("self",))
        .select_related("user")
        .get(pk=membership_id, shop_id=by.shop_id)
    )


@transaction.atomic
def change_role(*, by: Membership, membership_id: int, role: str) -> Membership:
    """Helper or manager; owning passes by ``hand_over`` alone."""
    member = _colleague(by, membership_id)
    if member.role == Role.OWNER:
        raise OwnerStays()
    if not by.may(Right.TEAM) or role not in roles_given_by(by.role):
        raise NotYours()
    before, member.role = member.role, role
    member.save(update_fields=["role"])
    record(
        by.actor,
        "team.role",
        "membership",
        member.pk,
        before={"role": before},
        after={"role": role},
    )
    return member


@transaction.atomic
def remove(*, by: Membership, membership_id: int) -> User:
    """Out of the team, and out of the shop at once. Everyone but the owner may leave by
    themselves; helpers are removed by who may invite them, managers by the owner."""
    member = _colleague(by, membership_id)
    if member.role == Role.OWNER:
        raise OwnerStays()
    if member.pk != by.pk:
        _check_may_give(by, member.role)
    shop, user = by.shop, member.user
    record(
        by.actor,
        "team.remove",
        "membership",
        member.pk,
        before={"role": member.role, "user": user.pk},
    )
    member.delete()
    Pin.objects.filter(shop=shop, user=user).delete()
    end_sessions(user, schema=shop.schema_name)
    return user


@transaction.atomic
def hand_over(*, by: Membership, to_id: int) -> Membership:
    """The shop changes hands: the owner becomes a manager, the colleague the owner.

    Both are told by mail. The caller has had the owner prove who they are.
    """
    pair = {
        one.pk: one
        for one in Membership.objects.select_for_update(of=("self",))
        .select_related("user", "shop")
        .filter(shop_id=by.shop_id, pk__in=(by.pk, to_id))
        .order_by("pk")
    }
    old, new = pair.get(by.pk), pair.get(to_id)
    if old is None or new is None or old.role != Role.OWNER or old.pk == new.pk:
        raise NotYours()
    before, after = {"owner": old.user_id}, {"owner": new.user_id}
    # In this order: one_owner_per_shop is checked at each statement.
    for one, role in ((old, Role.MANAGER), (new, Role.OWNER)):
        one.role = role
        one.save(update_fields=["role"])
    record(
        by.actor,
        "team.hand_over",
        "shop",
        new.shop.pk,
        before=before,
        after=after,
    )
    context = {"shop": new.shop, "old": old.user, "new": new.user}
    for user in (old.user, new.user):
        post_letter(
            to=user.email,
            subject=_("%(shop)s a changé de propriétaire") % {"shop": new.shop.name},
            text=render_to_string("accounts/mail/handed_over.txt", {**context, "user": user}),
        )
    return new
