"""Recurring work, in one table: name, task (run in the public schema), every how many minutes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recurring:
    name: str
    task: str
    minutes: int


RECURRING: tuple[Recurring, ...] = (
    Recurring("oublier les compteurs", "apps.core.ratelimit.forget_old_counters", 60),
    Recurring("oublier les essais sans travail", "apps.core.queue.forget_tries", 60),
    Recurring("oublier les passages", "apps.accounts.handover.forget_spent", 1440),
    Recurring("oublier les sessions finies", "apps.accounts.sessions.forget_ended_sessions", 1440),
    Recurring("oublier les e-mails partis", "apps.accounts.mail.forget_old_mails", 1440),
    Recurring("relever les boîtes d’envoi", "apps.messaging.tasks.sweep", 10),
    Recurring("rendre les réservations", "apps.catalog.tasks.look_at_reservations", 10),
    Recurring("reprendre les Daily Drops", "apps.campaigns.tasks.sweep", 10),
    Recurring("faire la nuit des cartes", "apps.loyalty.tasks.look_at_the_clock", 10),
    Recurring("retrouver les nuits perdues", "apps.loyalty.tasks.sweep", 1440),
    Recurring("clôturer les journées", "apps.invoicing.tasks.look_at_the_clock", 10),
    Recurring("retrouver les clôtures perdues", "apps.invoicing.tasks.sweep", 1440),
    Recurring("suivre les membres du club", "apps.club.care.look_at_the_clock", 5),
    Recurring("retrouver le suivi du club", "apps.club.care.sweep", 1440),
    Recurring("ouvrir et clore les box", "apps.club.box_tasks.look_at_the_clock", 10),
    Recurring("retrouver les box perdues", "apps.club.box_tasks.sweep", 1440),
    Recurring("rendre les places du club", "apps.club.tasks.look_at_the_clock", 5),
    Recurring("envoyer à la comptabilité", "apps.invoicing.tasks.look_at_deliveries", 1),
    Recurring("réveiller les messages automatiques", "apps.campaigns.tasks.look_at_the_clock", 1),
    Recurring("juger la qualité des envois", "apps.messaging.tasks.look_at_quality", 1),
    Recurring("oublier les retours d’envoi", "apps.messaging.tasks.forget_old_callbacks", 1440),
    Recurring("revoir les domaines d’envoi", "apps.messaging.tasks.look_at_mail_domains", 1440),
    Recurring("réveiller les téléphones", "apps.wallet.tasks.look_at_the_clock", 1),
    Recurring("surveiller les certificats", "apps.wallet.tasks.look_at_certificates", 720),
    Recurring("reprendre les événements Stripe", "apps.payments.tasks.look_at_events", 1),
    Recurring("éclaircir les remboursements", "apps.payments.tasks.look_at_refunds", 1),
    Recurring("comparer avec Stripe", "apps.payments.tasks.reconcile", 1440),
    Recurring("oublier les événements Stripe", "apps.payments.tasks.forget_old_events", 1440),
    Recurring("oublier les imports abandonnés", "apps.imports.tasks.forget_drafts", 1440),
)
