"""The doors of the people rooms, all under ``/gestion/clients/``."""

from django.urls import path

from apps.audience import export_views, merge_views, segment_views, views

team_urls = [
    path("", views.contacts, name="contacts"),
    path("exporter/", export_views.export, name="export"),
    path("segments/", segment_views.segments, name="segments"),
    path("segments/nouveau/", segment_views.segment_new, name="segment_new"),
    path("segments/<int:pk>/", segment_views.segment, name="segment"),
    path("segments/<int:pk>/compte/", segment_views.segment_count, name="segment_count"),
    path("segments/<int:pk>/copier/", segment_views.segment_copy, name="segment_copy"),
    path("segments/<int:pk>/supprimer/", segment_views.segment_delete, name="segment_delete"),
    path("<int:pk>/", views.contact, name="contact"),
    path("<int:pk>/modifier/", views.contact_edit, name="contact_edit"),
    path("<int:pk>/reunir/", merge_views.contact_merge, name="contact_merge"),
    path("<int:pk>/etiquettes/", views.tag_add, name="contact_tag_add"),
    path("<int:pk>/etiquettes/<int:tag>/", views.tag_remove, name="contact_tag_remove"),
    path("<int:pk>/accord/", views.consent, name="contact_consent"),
    path("<int:pk>/fiche.json", export_views.contact_json, name="contact_json"),
]
