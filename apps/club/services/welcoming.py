"""The first letter: to who joined what they agreed on, to who gave the link that opens it."""

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from apps.club.contract import reference_of
from apps.club.letters import page_of
from apps.club.models import Member
from apps.contacts.models import Channel, Contact
from apps.legal.queries import accepted_by
from apps.messaging.models import Kind
from apps.messaging.services import post
from apps.shops.services import shop_here


def gift_url(member: Member, base: str) -> str:
    """What opens a gift, for whoever has it."""
    return f"{base}/club/cadeau/{member.token}/"


def _terms(person: Contact, member: Member, base: str) -> str:
    """Where the version that they accepted stands, word for word."""
    accepted = accepted_by(person).filter(cause=f"club:{member.pk}").first()
    return f"{base}/cgv/{accepted.version.number}/" if accepted else ""


def welcome(member_id: int) -> None:
    """Write to who paid, once."""
    member = Member.objects.select_related("plan", "contact", "giver").get(pk=member_id)
    shop, person = shop_here(), member.payer
    with translation.override(person.language):
        context = {
            "shop": shop,
            "member": member,
            "reference": reference_of(member),
            "plan": member.plan,
            "first_name": person.first_name,
            "terms": _terms(person, member, shop.url),
            "link": gift_url(member, shop.url) if member.is_gift else page_of(member),
        }
        if member.is_gift:
            subject = _("%(shop)s : votre cadeau est prêt à offrir")
        else:
            subject = _("%(shop)s : bienvenue au club")
        post(
            contact=person,
            channel=Channel.EMAIL,
            kind=Kind.SERVICE,
            cause=f"club-welcome:{member.pk}",
            subject=subject % {"shop": shop.name},
            body=render_to_string("club/mail/welcome.txt", context),
        )
