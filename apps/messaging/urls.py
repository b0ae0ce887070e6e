"""Doors of the room: the team's, the customers', and the providers' on the platform's host."""

from django.urls import path, re_path

from apps.messaging import (
    account_views,
    customer_views,
    spending_views,
    views,
    webhooks,
    whatsapp_views,
)

# No other sign reaches the database: a NUL in a path would be an error there.
_TOKEN = r"(?P<token>[A-Za-z0-9_-]{22})"  # noqa: S105 (a pattern)
_SHOP = r"(?P<shop_token>[A-Za-z0-9_-]{22})"
_ATTEMPT = r"(?P<attempt>[A-Za-z0-9_-]{22})"

team_urls = [
    path("gestion/messages/recus/", views.inbox, name="inbox"),
    path("gestion/messages/recus/<int:contact_id>/", views.conversation, name="conversation"),
    path("gestion/messages/recus/inconnu/<int:reply_id>/", views.stranger, name="stranger"),
    path("gestion/messages/envois/", views.sendings, name="sendings"),
    path("gestion/reglages/whatsapp/", whatsapp_views.whatsapp, name="settings_whatsapp"),
    path("gestion/reglages/whatsapp/modeles/", whatsapp_views.template_new, name="template_new"),
    path(
        "gestion/reglages/whatsapp/modeles/<int:pk>/relire/",
        whatsapp_views.template_look,
        name="template_look",
    ),
    path(
        "gestion/reglages/whatsapp/modeles/<int:pk>/retirer/",
        whatsapp_views.template_retire,
        name="template_retire",
    ),
    path("gestion/messages/depenses/", spending_views.month, name="spending"),
    path("gestion/messages/depenses/budget/", spending_views.set_budget, name="budget"),
    path(
        "gestion/messages/depenses/<int:year>-<int:month>/", spending_views.month, name="spent_in"
    ),
    path(
        "gestion/messages/depenses/<int:year>-<int:month>.csv",
        spending_views.export,
        name="spending_csv",
    ),
    path("gestion/reglages/sms/", account_views.sms_account, name="settings_sms"),
    path(
        "gestion/reglages/sms/<slug:act>/", account_views.sms_account_act, name="settings_sms_act"
    ),
    path("gestion/messages/alertes/<int:alert_id>/", views.dismiss_alert, name="dismiss_alert"),
]
customer_urls = [
    re_path(rf"^stop/{_TOKEN}/$", customer_views.choices, name="choices"),
    re_path(rf"^stop/{_TOKEN}/un-clic/$", customer_views.one_click, name="one_click"),
    re_path(rf"^nouvelles/{_TOKEN}/$", customer_views.news, name="news"),
    path("c/nouvelles.js", customer_views.news_worker, name="news_worker"),
    path("c/carte.webmanifest", customer_views.card_app, name="news_app"),
    re_path(rf"^s/{_TOKEN}/?$", customer_views.short_link, name="short_link"),
]
provider_urls = [
    re_path(rf"^webhooks/twilio/{_SHOP}/reponse/$", webhooks.twilio_reply, name="twilio_reply"),
    re_path(
        rf"^webhooks/twilio/{_SHOP}/{_ATTEMPT}/$", webhooks.twilio_status, name="twilio_status"
    ),
    path("webhooks/twilio/reponse/", webhooks.twilio_shared_reply, name="twilio_shared_reply"),
    path("webhooks/brevo/reponse/", webhooks.brevo_reply, name="brevo_reply"),
    path("webhooks/brevo/", webhooks.brevo, name="brevo"),
]
