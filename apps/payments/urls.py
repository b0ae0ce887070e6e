"""The shop's own plan and its account, in its settings; where Stripe calls back."""

from django.urls import path

from apps.payments import connect_views, views, webhooks

team_urls = [
    path("reglages/encaissement/", connect_views.account, name="settings_account"),
    path("reglages/encaissement/ouvrir/", connect_views.account_open, name="settings_account_open"),
    path("reglages/abonnement/", views.plan, name="settings_plan"),
    path("reglages/abonnement/gerer/", views.manage, name="settings_plan_manage"),
    path("reglages/abonnement/<slug:code>/", views.choose, name="settings_plan_choose"),
]

provider_urls = [
    path("webhooks/stripe/", webhooks.stripe, name="stripe"),
]
