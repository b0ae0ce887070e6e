"""Doors of the room: the owner's settings, and what phones ask of the shop's host."""

from django.urls import path, re_path

from apps.wallet import customer_views, device_views, views

# No other sign reaches the database: a NUL in a path would be an error there.
_LIBRARY = r"(?P<library>[A-Za-z0-9_.-]{1,64})"
_TYPE = r"(?P<pass_type>[A-Za-z0-9_.-]{6,120})"
_SERIAL = r"(?P<serial>[A-Za-z0-9_-]{22})"
_PICTURE = r"^wallet/image/(?P<what>emblem|strip-[0-9.-]{5,80})/(?P<mark>[0-9a-f]{22})/$"
_DEVICE = rf"^wallet/v1/devices/{_LIBRARY}/registrations/{_TYPE}"

device_urls = [
    re_path(rf"{_DEVICE}/{_SERIAL}$", device_views.registration, name="apple_registration"),
    re_path(rf"{_DEVICE}$", device_views.serials, name="apple_serials"),
    re_path(rf"^wallet/v1/passes/{_TYPE}/{_SERIAL}$", device_views.latest, name="apple_latest"),
    path("wallet/v1/log", device_views.log, name="apple_log"),
    re_path(_PICTURE, customer_views.picture, name="pass_picture"),
]
team_urls = [
    path("gestion/reglages/wallet/", views.settings_page, name="settings_wallet"),
    path("gestion/reglages/wallet/image.png", views.picture, name="wallet_picture"),
    path("gestion/reglages/wallet/retirer/", views.release, name="settings_wallet_release"),
    path("gestion/reglages/wallet/google/", views.google_account, name="settings_wallet_google"),
    path(
        "gestion/reglages/wallet/google/retirer/",
        views.google_release,
        name="settings_wallet_google_release",
    ),
]
