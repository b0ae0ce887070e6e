"""An invoice by e-mail, with its PDF. Attached rather than linked to: what a customer or their
accountant keeps must outlast any address of ours, and goes on from one mailbox to another."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.contacts.models import Contact, Source
from apps.contacts.services import add_contact
from apps.core.actor import Actor
from apps.core.french import spaced
from apps.core.refusal import Refusal
from apps.invoicing.models import Invoice, Paper, PaperState, Sending
from apps.invoicing.paper import title_of
from apps.messaging.models import Kind
from apps.messaging.services import post
from apps.shops.services import shop_here


class NoPaperYet(Refusal):
    message = _("Le PDF n’est pas prêt : la facture partira avec lui.")


@transaction.atomic
def send(invoice: Invoice, *, to: str, token: UUID, by: Actor) -> Sending:
    """Put the invoice, or credit note, into the outbox for ``to``, a service message; ``token``
    again is the same one. Raises ``NoPaperYet``."""
    paper = Paper.objects.select_for_update().get(invoice=invoice)
    if found := Sending.objects.filter(token=token).first():
        return found
    if paper.state != PaperState.READY:
        raise NoPaperYet()
    shop, facts = shop_here(), invoice.record.facts
    title = title_of(facts)
    context = {"shop": shop, "invoice": invoice, "title": title, "document": facts}
    message = post(
        contact=_reader(invoice, to, by),
        channel="email",
        kind=Kind.SERVICE,
        cause=f"invoice:{invoice.pk}:{token.hex}",
        to=to,
        subject=f"{title}, {shop.name}",
        body=spaced(render_to_string("invoicing/mail/invoice.txt", context).strip()) + "\n",
        file=paper.file,
        file_name=f"{invoice.number}-{shop.slug}.pdf"[:60],
    )
    assert message
    record(by, "invoice.send", "invoice", invoice.pk)
    return Sending.objects.create(invoice=invoice, message=message, token=token)


def _reader(invoice: Invoice, to: str, by: Actor) -> Contact:
    """Whose message it is: the buyer's record, or who has the address. To be written an invoice
    agrees to nothing else."""
    if invoice.contact:
        return invoice.contact.merged_into or invoice.contact
    found = add_contact(email=to, last_name=invoice.buyer[:60], source=Source.TEAM, by=by)
    return found.contact


def sent(invoice: Invoice) -> QuerySet[Sending]:
    """Each time it was sent, the latest first."""
    return invoice.sendings.select_related("message").order_by("-pk")


def address_of(invoice: Invoice, before: Sequence[Sending]) -> str:
    """Where it was sent last, else the buyer's address, if known."""
    if before:
        return before[0].message.to
    buyer = invoice.contact
    return (buyer.merged_into or buyer).email if buyer else ""
