"""Loyalty's doors: the team's and the customers'."""

from django.urls import path

from apps.loyalty import customer_views

customer_urls = [
    path("", customer_views.join_page, name="join"),
    path("rejoindre/", customer_views.join_page, name="join-again"),
    path("c/<str:token>/", customer_views.card, name="card"),
    path("c/<str:token>/donnees/", customer_views.my_data, name="card-data"),
    path("c/<str:token>/renouveler/", customer_views.renew, name="card-renew"),
    path("v/<str:token>/", customer_views.verify, name="verify"),
    path("v/<str:token>/non/", customer_views.decline, name="decline"),
]
