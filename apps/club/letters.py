"""What a member is written by the club: their contract, their payments, their page. Service, not
advertising: it leaves whatever they agreed to receive, and says nothing that is not asked for.

One letter is one text for all languages; moments, and values that end in ``_cents`` and ``_on``,
are shown as the reader writes them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.club.contract import reference_of
from apps.club.models import Member
from apps.contacts.models import Channel
from apps.core.money import show_euros
from apps.core.templatetags.french import jour, typo
from apps.loyalty.card_links import can_receive
from apps.messaging.hours import next_allowed
from apps.messaging.models import Kind
from apps.messaging.services import post
from apps.messaging.text import lighten
from apps.shops.services import shop_here
from apps.shops.theme import ink_on

Said = str | Promise


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail's words, and the SMS that says the same where one is sent. ``box`` stands apart from
    the text, framed: a code, a date the law wants seen."""

    subject: Said
    paragraphs: tuple[Said, ...]
    box: tuple[Said, Said] | None = None
    button: tuple[Said, str] | None = None
    sms: Said = ""


CODE = Letter(
    subject=_("Votre code : %(code)s"),
    paragraphs=(
        _("Voici le code qui ouvre votre page du club. Il vaut un quart d’heure."),
        _("Vous n’avez rien demandé ? Ignorez ce message, et ne donnez le code à personne."),
    ),
    box=(_("Votre code"), "%(code)s"),
    sms=_("%(shop)s : votre code est %(code)s. Ne le donnez à personne."),
)
LINK = Letter(
    subject=_("Votre page du club %(shop)s"),
    paragraphs=(
        _("Votre prochaine box, vos factures, votre adresse : tout est sur votre page."),
        _("La référence de votre contrat est %(reference)s."),
    ),
    button=(_("Ouvrir ma page"), "%(page)s"),
    sms=_("%(shop)s : votre page du club : %(page)s"),
)
CANCELLED = Letter(
    subject=_("Votre résiliation est enregistrée"),
    paragraphs=(
        _(
            "Nous avons reçu le %(asked)s la résiliation de votre contrat %(reference)s "
            "(%(plan)s), au nom de %(name)s."
        ),
        _("D’ici là, rien ne change. Ensuite, rien n’est plus prélevé."),
        _("Conservez cet e-mail : il est la preuve de votre résiliation."),
    ),
    box=(_("Fin de votre contrat"), "%(ends_on)s"),
    button=(_("Voir mon contrat"), "%(page)s"),
)
STAYS = Letter(
    subject=_("Votre abonnement continue"),
    paragraphs=(
        _("Vous avez repris votre résiliation : votre contrat %(reference)s (%(plan)s) continue."),
    ),
    button=(_("Voir mon contrat"), "%(page)s"),
)
_WORD = _(
    "Vous avez renoncé au contrat %(reference)s (%(plan)s), conclu le %(began_on)s, au nom "
    "de %(name)s. Nous avons reçu votre déclaration à la date et à l’heure ci-dessous."
)
_PROOF = _("Conservez cet e-mail : il est la preuve de votre rétractation.")
RENOUNCED = Letter(
    subject=_("Accusé de réception de votre rétractation"),
    paragraphs=(
        _WORD,
        _(
            "Ce que vous avez payé, %(paid_cents)s, vous est remboursé par le moyen de paiement "
            "que vous avez utilisé, sans frais, et au plus tard dans les quatorze jours."
        ),
        _PROOF,
    ),
    box=(_("Reçue le"), "%(asked)s"),
)
RENOUNCED_WITH_BOTTLES = Letter(
    subject=RENOUNCED.subject,
    paragraphs=(
        _WORD,
        _(
            "Rapportez ou renvoyez les bouteilles reçues dans les quatorze jours. À leur retour, "
            "ou dès que vous prouvez leur envoi, ce que vous avez payé, %(paid_cents)s, vous est "
            "remboursé par le moyen de paiement que vous avez utilisé, sans frais."
        ),
        _PROOF,
    ),
    box=RENOUNCED.box,
)
GIVEN_BACK = Letter(
    subject=_("Votre remboursement est parti"),
    paragraphs=(
        _(
            "%(paid_cents)s vous sont rendus pour le contrat %(reference)s (%(plan)s), auquel vous "
            "avez renoncé. Votre banque les crédite sous quelques jours."
        ),
    ),
)
RENEWAL = Letter(
    subject=_("Votre contrat se renouvelle le %(renews_on)s"),
    paragraphs=(
        _(
            "Votre contrat %(reference)s (%(plan)s) arrive à son terme. Si vous ne faites rien, il "
            "est reconduit pour %(months)s mois, au prix de %(price_cents)s par période."
        ),
        _(
            "Vous pouvez refuser cette reconduction, sans frais et sans motif, jusqu’à la date "
            "ci-dessous."
        ),
    ),
    box=(_("Vous pouvez refuser jusqu’au"), "%(until_on)s"),
    button=(_("Ne pas reconduire"), "%(leave)s"),
)
PRICE = Letter(
    subject=_("Un nouveau prix vous est proposé"),
    paragraphs=(
        _(
            "%(plan)s : %(price_cents)s par période à partir du %(applies_on)s, au lieu de "
            "%(former_cents)s aujourd’hui."
        ),
        _(
            "Rien ne change sans votre accord : si vous refusez ou ne répondez pas, vous gardez "
            "votre prix."
        ),
    ),
    box=(_("Nouveau prix par période"), "%(price_cents)s"),
    button=(_("Répondre"), "%(page)s"),
)
_PAY = (_("Régler maintenant"), "%(pay)s")
_SMS = _("%(shop)s : votre paiement de %(due_cents)s n’a pas abouti. Réglez ici : %(pay)s")
REFUSED = Letter(
    subject=_("Votre paiement n’a pas abouti"),
    paragraphs=(
        _("Votre banque a refusé %(due_cents)s pour %(plan)s. Cela arrive : rien n’est perdu."),
        _("Nous réessaierons le %(retry_on)s. Pour ne pas attendre, réglez dès maintenant."),
    ),
    button=_PAY,
    sms=_SMS,
)
REFUSED_FOR_GOOD = Letter(
    subject=REFUSED.subject,
    paragraphs=(REFUSED.paragraphs[0], _("Réglez par un autre moyen pour garder votre place.")),
    button=_PAY,
    sms=_SMS,
)
EXPIRED = Letter(
    subject=_("Votre carte ne passe plus"),
    paragraphs=(
        _("%(due_cents)s pour %(plan)s n’ont pas pu être prélevés : votre carte est à remplacer."),
        _("Deux gestes suffisent, sur la page sécurisée de Stripe."),
    ),
    button=_PAY,
    sms=_("%(shop)s : votre carte ne passe plus (%(due_cents)s). Changez-la ici : %(pay)s"),
)
CONFIRM = Letter(
    subject=_("Votre banque attend votre confirmation"),
    paragraphs=(
        _("Pour payer %(due_cents)s pour %(plan)s, votre banque demande que vous confirmiez."),
        _("Ouvrez la page ci-dessous, puis confirmez comme votre banque le demande."),
    ),
    button=(_("Confirmer le paiement"), "%(pay)s"),
    sms=_("%(shop)s : votre banque demande de confirmer %(due_cents)s. C’est ici : %(pay)s"),
)
REJECTED = Letter(
    subject=_("Votre prélèvement a été rejeté"),
    paragraphs=(
        _("Votre banque a rejeté le prélèvement de %(due_cents)s pour %(plan)s."),
        _("Réglez par carte ou donnez un autre compte : la page ci-dessous fait les deux."),
    ),
    button=_PAY,
    sms=_SMS,
)
REMINDER = Letter(
    subject=_("Votre paiement attend toujours"),
    paragraphs=(
        _("%(due_cents)s pour %(plan)s restent à régler depuis le %(since_on)s."),
        _("Sans paiement d’ici le %(grace_on)s, votre prochaine box est mise de côté."),
    ),
    button=_PAY,
    sms=_("%(shop)s : %(due_cents)s restent à régler avant le %(grace_on)s : %(pay)s"),
)
SUSPENDED = Letter(
    subject=_("Votre box est mise de côté"),
    paragraphs=(
        _("%(due_cents)s pour %(plan)s restent à régler depuis le %(since_on)s."),
        _("Vos box sont gardées à la boutique et repartent dès que le paiement est fait."),
    ),
    button=_PAY,
    sms=_("%(shop)s : votre box vous attend. Il reste %(due_cents)s à régler : %(pay)s"),
)
RECOVERED = Letter(
    subject=_("Votre paiement est passé"),
    paragraphs=(_("%(due_cents)s pour %(plan)s sont réglés. Votre abonnement continue, merci."),),
    button=(_("Voir mon contrat"), "%(page)s"),
)


def page_of(member: Member) -> str:
    return f"{shop_here().url}/club/m/{member.token}/"


def post_letter(
    member: Member,
    letter: Letter,
    cause: str,
    *,
    to: str = "",
    expires_at: datetime | None = None,
    **values: Any,
) -> bool:
    """Put the mail into the outbox, once for ``cause``; False where there is no address."""
    contact, shop = member.person, shop_here()
    with translation.override(contact.language):
        said = _values(member, values)
        subject = _filled(letter.subject, said)
        context = {
            "shop": shop,
            "ink": ink_on(shop.accent),
            "subject": subject,
            "paragraphs": [_filled(one, said) for one in letter.paragraphs],
            "box": letter.box and [_filled(one, said) for one in letter.box],
            "button": letter.button and [_filled(one, said) for one in letter.button],
        }
        text = render_to_string("club/mail/letter.txt", context).strip() + "\n"
        html = render_to_string("club/mail/letter.html", context)
    return bool(
        post(
            contact=contact,
            channel=Channel.EMAIL,
            kind=Kind.SERVICE,
            cause=cause,
            subject=subject,
            body=text,
            html=html,
            to=to,
            expires_at=expires_at,
        )
    )


def post_sms(
    member: Member,
    letter: Letter,
    cause: str,
    *,
    now: datetime,
    at_once: bool = False,
    expires_at: datetime | None = None,
    **values: Any,
) -> bool:
    """The same by SMS, at an hour at which one may ring: ``at_once`` only for what was just asked
    for on a page. False for who has no mobile."""
    contact = member.person
    if not can_receive(contact, Channel.SMS) or not letter.sms:
        return False
    with translation.override(contact.language):
        text = lighten(str(letter.sms) % _values(member, values))
    at = now if at_once else next_allowed(shop_here(), contact.phone, now)
    return bool(
        post(
            contact=contact,
            channel=Channel.SMS,
            kind=Kind.SERVICE,
            cause=cause,
            body=text,
            at=at,
            expires_at=expires_at,
        )
    )


def _values(member: Member, values: dict[str, Any]) -> dict[str, Any]:
    shop, page = shop_here(), page_of(member)
    known = {
        "shop": shop.name,
        "plan": member.plan.name,
        "reference": reference_of(member),
        "page": page,
        "leave": f"{page}resilier/",
    }
    return known | {name: _shown(name, value) for name, value in values.items()}


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        local = timezone.localtime(value)
        return f"{jour(local)}, {local:%H:%M}"
    if name.endswith("_cents"):
        return show_euros(value)
    return jour(value) if name.endswith("_on") else value


def _filled(text: Said, values: dict[str, Any]) -> str:
    return typo(str(text) % values)
