"""The team's doors, under ``/gestion/factures/`` and in the settings; on the platform's host where
a bookkeeping program sends the owner back."""

from django.urls import path

from apps.invoicing import book_views, draft_views, online_views, our_views, push_views, views

_AT = "gestion/factures/"
_PUSH = f"{_AT}comptabilite/envoi/"

team_urls = [
    path(_AT, views.invoices, name="invoices"),
    path(f"{_AT}achats/", views.purchases, name="invoice_purchases"),
    path(f"{_AT}clotures/", views.closures, name="closures"),
    path(f"{_AT}clotures/archive/", views.register, name="invoice_archive"),
    path(f"{_AT}clotures/<int:pk>/feuille/", views.closure_sheet, name="closure_sheet"),
    path(f"{_AT}ventes/", book_views.daily_sales, name="daily_sales"),
    path(f"{_AT}ventes/<int:year>-<int:month>.csv", book_views.daily_csv, name="daily_csv"),
    path(f"{_AT}comptabilite/", book_views.books, name="books"),
    path(f"{_AT}comptabilite/comptes/", book_views.accounts, name="book_accounts"),
    path(_PUSH, push_views.push, name="push"),
    path(f"{_PUSH}brancher/<slug:target>/", push_views.connect, name="push_connect"),
    path(f"{_PUSH}retour/", push_views.push_return, name="push_return"),
    path(f"{_PUSH}pause/", push_views.push_pause, name="push_pause"),
    path(f"{_PUSH}reprendre/", push_views.push_resume, name="push_resume"),
    path(f"{_PUSH}debrancher/", push_views.push_leave, name="push_leave"),
    path(f"{_PUSH}renvoyer/", push_views.push_retry, name="push_retry"),
    path(f"{_PUSH}pieces/<int:pk>/", push_views.push_piece, name="push_piece"),
    path(f"{_AT}en-ligne/", online_views.takings, name="takings"),
    path(f"{_AT}en-ligne/<int:pk>/", online_views.taking, name="taking"),
    path(f"{_AT}en-ligne/<int:pk>/rembourser/", online_views.give_back, name="taking_refund"),
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
    path(f"{_AT}<slug:number>/envoyer/", views.send_by_mail, name="invoice_send"),
    path(
        "gestion/reglages/abonnement/factures/<int:pk>/",
        our_views.plan_invoice,
        name="plan_invoice",
    ),
    path("gestion/reglages/factures/", views.terms, name="settings_invoicing"),
]

platform_urls = [
    path("comptabilite/pennylane/", push_views.pennylane_return, name="pennylane_return"),
]
