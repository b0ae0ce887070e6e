"""The team's doors, under ``/gestion/factures/`` and in the settings."""

from django.urls import path

from apps.invoicing import book_views, draft_views, our_views, views

_AT = "gestion/factures/"

team_urls = [
    path(_AT, views.invoices, name="invoices"),
    path(f"{_AT}achats/", views.purchases, name="invoice_purchases"),
    path(f"{_AT}clotures/", views.closures, name="closures"),
    path(f"{_AT}clotures/archive/", views.register, name="invoice_archive"),
    path(f"{_AT}comptabilite/", book_views.books, name="books"),
    path(f"{_AT}comptabilite/comptes/", book_views.accounts, name="book_accounts"),
    path(f"{_AT}nouvelle/", draft_views.write, name="invoice_new"),
    path(f"{_AT}brouillons/<int:pk>/", draft_views.read, name="invoice_draft"),
    path(f"{_AT}brouillons/<int:pk>/modifier/", draft_views.write, name="invoice_edit"),
    path(f"{_AT}brouillons/<int:pk>/emettre/", draft_views.publish, name="invoice_issue"),
    path(f"{_AT}brouillons/<int:pk>/supprimer/", draft_views.discard, name="invoice_discard"),
    path(f"{_AT}paiements/<int:pk>/reprendre/", views.payment_reverse, name="payment_reverse"),
    path(f"{_AT}<slug:number>/", views.invoice, name="invoice"),
    path(f"{_AT}<slug:number>/pdf/", views.file, name="invoice_file"),
    path(f"{_AT}<slug:number>/paiement/", views.payment, name="invoice_payment"),
    path(f"{_AT}<slug:number>/avoir/", views.credit_note, name="credit_note"),
    path(
        "gestion/reglages/abonnement/factures/<int:pk>/",
        our_views.plan_invoice,
        name="plan_invoice",
    ),
    path("gestion/reglages/factures/", views.terms, name="settings_invoicing"),
]
