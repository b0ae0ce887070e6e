"""Loyalty's doors: the team's and the customers'."""

from django.urls import path

from apps.loyalty import (
    customer_views,
    giving_views,
    printing_views,
    programme_views,
    referral_views,
    views,
)

customer_urls = [
    path("", customer_views.join_page, name="join"),
    path("rejoindre/", customer_views.join_page, name="join-again"),
    path("p/<str:code>/", customer_views.join_page, name="sponsored"),
    path("c/<str:token>/", customer_views.card, name="card"),
    path("c/<str:token>/carte.pkpass", customer_views.apple_pass, name="apple_pass"),
    path("c/<str:token>/google/", customer_views.google_pass, name="google_pass"),
    path("c/<str:token>/code/", customer_views.code, name="card-code"),
    path("c/<str:token>/donnees/", customer_views.my_data, name="card-data"),
    path("c/<str:token>/parrainer/", customer_views.refer, name="card-refer"),
    path("c/<str:token>/renouveler/", customer_views.renew, name="card-renew"),
    path("v/<str:token>/", customer_views.verify, name="verify"),
    path("v/<str:token>/non/", customer_views.decline, name="decline"),
]

team_urls = [
    path("comptoir/", views.counter, name="counter"),
    path("comptoir/ajouter/", views.add, name="counter-add"),
    path("comptoir/carte/<int:card_id>/", views.person, name="counter-card"),
    path("comptoir/carte/<int:card_id>/tampon/", views.stamp, name="counter-stamp"),
    path("comptoir/carte/<int:card_id>/offrir/<int:at>/", giving_views.pay, name="counter-pay"),
    path("comptoir/carte/<int:card_id>/retour/", giving_views.bring_back, name="counter-return"),
    path("comptoir/client/<int:contact_id>/carte/", views.open_card, name="counter-open-card"),
    path("comptoir/recompense/<int:reward_id>/", giving_views.give, name="counter-give"),
    path("comptoir/scan/", views.scan, name="counter-scan"),
    path("comptoir/scanner/", views.scanner, name="counter-scanner"),
    path("comptoir/tampon/<int:movement_id>/annuler/", views.undo, name="counter-undo"),
    path("gestion/fidelite/supports/", printing_views.supports, name="supports"),
    path(
        "gestion/fidelite/supports/<str:key>/<str:digest>/<str:form>/",
        printing_views.file,
        name="support_file",
    ),
    path("gestion/fidelite/parrainage/", referral_views.referrals, name="referrals"),
    path("gestion/fidelite/parrainage/liste.csv", referral_views.export, name="referrals_csv"),
    path("gestion/fidelite/", programme_views.programme, name="loyalty"),
    path(
        "gestion/fidelite/changement/<int:change_id>/annuler/",
        programme_views.take_back,
        name="loyalty-take-back",
    ),
    path("gestion/fidelite/apercu/", programme_views.preview, name="loyalty-preview"),
]
