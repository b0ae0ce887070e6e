"""The Daily Drop, on the team's side."""

from django.urls import path, re_path

from apps.campaigns import views

team_urls = [
    path("gestion/messages/", views.drops, name="drops"),
    path("gestion/messages/nouveau/", views.new, name="drop_new"),
    path("gestion/messages/<int:pk>/", views.drop, name="drop"),
    path("gestion/messages/<int:pk>/brouillon/", views.save, name="drop_save"),
    path("gestion/messages/<int:pk>/essai/", views.trial, name="drop_trial"),
    path("gestion/messages/<int:pk>/envoyer/", views.launch, name="drop_launch"),
    path("gestion/messages/<int:pk>/copier/", views.duplicate, name="drop_duplicate"),
    path("gestion/messages/<int:pk>/supprimer/", views.discard, name="drop_discard"),
    re_path(
        r"^gestion/messages/(?P<pk>[0-9]{1,18})/(?P<verb>pause|reprendre|annuler|deprogrammer)/$",
        views.act,
        name="drop_act",
    ),
]
