"""The owner's home."""

from django.urls import path

from apps.analytics import views

team_urls = [
    path("gestion/", views.home, name="home"),
    path("gestion/etapes/ranger/", views.put_away, name="steps_put_away"),
    path("gestion/etapes/<slug:key>/", views.step, name="step"),
]
