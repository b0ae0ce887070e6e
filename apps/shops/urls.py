"""The shop's own look on its host; what the platform says of itself on its own."""

from django.urls import path

from apps.shops import customer_views, platform_views, views, webhooks

customer_urls = [
    path("theme-<str:digest>.css", customer_views.theme, name="theme"),
    path("logo/<str:name>", customer_views.logo, name="logo"),
    path("langue/", customer_views.language, name="language"),
    path("donnees-personnelles/", customer_views.personal_data, name="personal-data"),
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

team_urls = [
    path("reglages/", views.identity, name="settings_identity"),
    path("reglages/apparence/", views.look, name="settings_look"),
    path("reglages/apparence/apercu/", views.look_preview, name="settings_look_preview"),
    path("reglages/apparence/apercu.css", views.look_stylesheet, name="settings_look_stylesheet"),
    path("reglages/apparence/logo/", views.logo, name="settings_logo"),
    path("reglages/messages/", views.messages_settings, name="settings_messages"),
    path("reglages/e-mail/", views.mail_settings, name="settings_mail"),
    path("reglages/e-mail/retirer/", views.mail_release, name="settings_mail_release"),
    path("reglages/domaine/", views.domain, name="settings_domain"),
    path("reglages/domaine/<int:pk>/verifier/", views.domain_prove, name="settings_domain_prove"),
    path(
        "reglages/domaine/<int:pk>/retirer/", views.domain_release, name="settings_domain_release"
    ),
]
