"""The list's doors."""

from django.urls import path

from apps.review import views

team_urls = [
    path("gestion/fidelite/a-verifier/", views.review, name="review"),
    path("gestion/fidelite/a-verifier/liste.csv", views.export, name="review_csv"),
    path("gestion/fidelite/a-verifier/<int:case_id>/", views.decide, name="review-decide"),
]
