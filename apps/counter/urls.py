"""The counter's doors for a phone without signal."""

from django.urls import path

from apps.counter import shell_views, views

team_urls = [
    path("comptoir/hors-ligne/", views.overview, name="counter-offline"),
    path("comptoir/hors-ligne/etat/", views.state, name="counter-state"),
    path("comptoir/hors-ligne/cartes/", views.cards, name="counter-cards"),
    path("comptoir/hors-ligne/envoi/", views.send, name="counter-send"),
    path("comptoir/hors-ligne/offrir/", views.give_offline, name="counter-lease"),
    path("comptoir/hors-ligne/<int:pk>/regle/", views.settled, name="counter-settle"),
    path("comptoir/sans-reseau/", shell_views.page, name="counter-shell"),
    path("comptoir/service-worker.js", shell_views.worker, name="counter-worker"),
    path("comptoir/manifeste.json", shell_views.manifest, name="counter-manifest"),
    path("comptoir/icone-<slug:digest>-<int:size>.png", shell_views.picture, name="counter-icon"),
]
