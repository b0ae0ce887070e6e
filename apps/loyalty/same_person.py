"""Signs that who brings and who is brought are one person."""

from apps.contacts.models import Contact
from apps.loyalty.models import Joining
from apps.loyalty.referral_models import Reason, Referral, ReferralState

_ALIKE = {"googlemail.com": "gmail.com"}


def shared_address(sponsor: Contact, friend: Contact) -> Reason | None:
    """Whether the friend typed, or holds, an address of the sponsor's or a variant of it."""
    theirs, own = _addresses(sponsor, typed=False), _addresses(friend, typed=True)
    if theirs & own:
        return Reason.ADDRESS
    return Reason.VARIANT if set(map(mailbox, theirs)) & set(map(mailbox, own)) else None


def _addresses(person: Contact, *, typed: bool) -> set[str]:
    """Numbers and e-mails of somebody; ``typed``: those too that nobody has proven yet."""
    joinings = Joining.objects.filter(contact=person)
    if not typed:
        joinings = joinings.exclude(confirmed_at=None)
    found = {person.phone, person.email, *joinings.values_list("address", flat=True)}
    return {address.lower() for address in found if address}


def mailbox(address: str) -> str:
    """Where an e-mail arrives: « camille+cave@… » is « camille@… », and Gmail counts no dots."""
    name, at, domain = address.lower().rpartition("@")
    domain = _ALIKE.get(domain, domain)
    name = name.split("+")[0]
    return f"{name.replace('.', '') if domain == 'gmail.com' else name}{at}{domain}"


def leads_back(sponsor: Contact, friend: Contact) -> bool:
    """Whether from sponsor to who brought them, and so on, one comes to the friend."""
    person: Contact | None = sponsor
    seen: set[int] = set()
    while person is not None and person.pk not in seen:
        if person == friend:
            return True
        seen.add(person.pk)
        brought = Referral.objects.brought(person.pk).order_by("followed_at", "pk")
        by = brought.exclude(state__in=(ReferralState.REFUSED, ReferralState.KNOWN)).first()
        person = (by.sponsor.contact.merged_into or by.sponsor.contact) if by else None
    return False
