"""The steps of an import, under ``/gestion/imports/``."""

from django.urls import path

from apps.imports import views

team_urls = [
    path("<int:pk>/", views.import_run, name="import_run"),
    path("<int:pk>/reprendre/", views.import_resume, name="import_resume"),
    path("<int:pk>/rapport.csv", views.import_report, name="import_report"),
    path("<slug:slug>/", views.import_start, name="import"),
]
