"""The doors of the people rooms, all under ``/gestion/clients/``."""

from django.urls import path

from apps.audience import export_views, import_views, views

team_urls = [
    path("", views.contacts, name="contacts"),
    path("exporter/", export_views.export, name="export"),
    path("importer/", import_views.import_start, name="import"),
    path("importer/<int:pk>/", import_views.import_run, name="import_run"),
    path("importer/<int:pk>/reprendre/", import_views.import_resume, name="import_resume"),
    path("importer/<int:pk>/rapport.csv", import_views.import_report, name="import_report"),
    path("<int:pk>/", views.contact, name="contact"),
    path("<int:pk>/modifier/", views.contact_edit, name="contact_edit"),
    path("<int:pk>/etiquettes/", views.tag_add, name="contact_tag_add"),
    path("<int:pk>/etiquettes/<int:tag>/", views.tag_remove, name="contact_tag_remove"),
    path("<int:pk>/accord/", views.consent, name="contact_consent"),
    path("<int:pk>/fiche.json", export_views.contact_json, name="contact_json"),
]
