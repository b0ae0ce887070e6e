"""The shop's own plan in its settings; where Stripe calls back."""

from django.urls import path

from apps.payments import views, webhooks

team_urls = [
    path("reglages/abonnement/", views.plan, name="settings_plan"),
    path("reglages/abonnement/gerer/", views.manage, name="settings_plan_manage"),
    path("reglages/abonnement/<slug:code>/", views.choose, name="settings_plan_choose"),
]

provider_urls = [
    path("webhooks/stripe/", webhooks.stripe, name="stripe"),
]
