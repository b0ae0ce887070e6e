"""The shop's own look, on its host."""

from django.urls import path

from apps.shops import customer_views

customer_urls = [
    path("theme-<str:digest>.css", customer_views.theme, name="theme"),
    path("logo/<str:name>", customer_views.logo, name="logo"),
    path("langue/", customer_views.language, name="language"),
    path("apparence/", customer_views.appearance, name="appearance"),
]
