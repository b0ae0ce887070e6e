"""The shop's own look on its host; what the platform says of itself on its own."""

from django.urls import path

from apps.shops import customer_views, platform_views, webhooks

customer_urls = [
    path("theme-<str:digest>.css", customer_views.theme, name="theme"),
    path("logo/<str:name>", customer_views.logo, name="logo"),
    path("langue/", customer_views.language, name="language"),
    path("apparence/", customer_views.appearance, name="appearance"),
]

platform_urls = [
    path("", platform_views.landing, name="landing"),
    path("mentions-legales/", platform_views.legal, name="platform_legal"),
    path("donnees-personnelles/", platform_views.privacy, name="platform_privacy"),
    path("robots.txt", platform_views.robots, name="platform_robots"),
    path("apparence/", customer_views.appearance, name="appearance"),
    path("webhooks/tls/", webhooks.may_have_certificate, name="tls"),
]
