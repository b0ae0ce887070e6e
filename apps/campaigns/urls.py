"""Daily Drops, their codes, and messages that leave by themselves: the team's doors, and the page
a customer shows."""

from django.urls import path, re_path

from apps.campaigns import (
    automatic_views,
    booking_views,
    counter_views,
    customer_reserving,
    customer_views,
    lot_views,
    trial_views,
    views,
)
from apps.core.tokens import READABLE

_CODE = rf"(?P<code>[{READABLE}]{{9}})"

_TOKEN = r"(?P<token>[A-Za-z0-9_-]{22})"  # noqa: S105 (a pattern)
# « l » and a drop's number, « m » and a trigger's; an address that the shop typed.
_CAUSE, _KEY = r"(?P<door>l|m)/(?P<number>[0-9a-z]{1,13})", r"(?P<key>[0-9a-z]{6})"
_DROP = r"(?P<drop>[0-9a-z]{1,13})"

customer_urls = [
    re_path(rf"^bon/{_CODE}/$", customer_views.voucher, name="voucher"),
    re_path(rf"^{_CAUSE}/{_TOKEN}/$", customer_views.onward, name="onward"),
    re_path(rf"^{_CAUSE}/{_KEY}/{_TOKEN}/$", customer_views.outward, name="outward"),
    re_path(rf"^r/{_DROP}/$", customer_reserving.public_lot, name="lot-public"),
    re_path(rf"^r/{_DROP}/{_TOKEN}/$", customer_reserving.lot, name="lot"),
    re_path(rf"^r/{_DROP}/{_TOKEN}/vu/$", customer_reserving.lot_seen, name="lot-seen"),
]
team_urls = [
    path("comptoir/code/", counter_views.ask, name="counter-code"),
    re_path(rf"^comptoir/code/{_CODE}/$", counter_views.code, name="counter-code-one"),
    path("comptoir/reservations/", booking_views.to_hand_over, name="counter-bookings"),
    path("comptoir/reservations/<int:booking_id>/", booking_views.booking, name="counter-booking"),
    path("comptoir/code/<int:use_id>/rendre/", counter_views.give_back, name="counter-code-back"),
    path("gestion/messages/", views.drops, name="drops"),
    path("gestion/messages/nouveau/", views.new, name="drop_new"),
    path("gestion/messages/<int:pk>/", views.drop, name="drop"),
    path("gestion/messages/<int:pk>/brouillon/", views.save, name="drop_save"),
    path("gestion/messages/<int:pk>/produit/", lot_views.choose, name="drop_product"),
    path("gestion/messages/<int:pk>/lot/", lot_views.save, name="drop_lot"),
    path("gestion/messages/<int:pk>/photo/", lot_views.photo, name="drop_photo"),
    path("gestion/messages/<int:pk>/reserves/", booking_views.results, name="lot_results"),
    path("gestion/messages/<int:pk>/reglage/", booking_views.settle, name="lot_settle"),
    path(
        "gestion/messages/<int:pk>/reservations/", booking_views.reservations, name="reservations"
    ),
    path("gestion/messages/<int:pk>/noter/", booking_views.add, name="reservation_add"),
    path(
        "gestion/messages/<int:pk>/reservations.csv", booking_views.export, name="reservations_csv"
    ),
    path("gestion/messages/<int:pk>/qui/", views.who, name="drop_who"),
    path("gestion/messages/<int:pk>/essai/", trial_views.of_drop, name="drop_trial"),
    path("gestion/messages/<int:pk>/envoyer/", views.launch, name="drop_launch"),
    path("gestion/messages/<int:pk>/copier/", views.duplicate, name="drop_duplicate"),
    path("gestion/messages/<int:pk>/supprimer/", views.discard, name="drop_discard"),
    re_path(
        r"^gestion/messages/(?P<pk>[0-9]{1,18})/(?P<verb>pause|reprendre|annuler|deprogrammer)/$",
        views.act,
        name="drop_act",
    ),
    re_path(
        r"^gestion/messages/(?P<pk>[0-9]{1,18})/texte/(?P<text>a|b)/$",
        views.pick,
        name="drop_pick",
    ),
    path("gestion/automatiques/", automatic_views.triggers, name="triggers"),
    path("gestion/automatiques/nouveau/", automatic_views.new, name="trigger_new"),
    path("gestion/automatiques/<int:pk>/", automatic_views.trigger, name="trigger"),
    path("gestion/automatiques/<int:pk>/essai/", trial_views.of_trigger, name="trigger_trial"),
    path("gestion/automatiques/<int:pk>/texte/", automatic_views.save, name="trigger_save"),
    re_path(
        r"^gestion/automatiques/(?P<pk>[0-9]{1,18})/(?P<verb>activer|arreter|copier|supprimer)/$",
        automatic_views.act,
        name="trigger_act",
    ),
]
