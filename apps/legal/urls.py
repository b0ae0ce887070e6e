"""The owner's pages in the settings, and each public text at its own address."""

from django.urls import URLPattern, path

from apps.legal import customer_views, views
from apps.legal.models import Kind
from apps.legal.places import PLACES, PUBLIC

_AT = "gestion/reglages/textes/"


def _public(kind: Kind) -> list[URLPattern]:
    at, known = f"{PLACES[kind]}/", {"kind": kind}
    return [
        path(at, customer_views.text, known, name=f"legal-{kind}"),
        path(f"{at}<int:number>/", customer_views.text, known, name=f"legal-{kind}-version"),
        path(f"{at}<int:number>/pdf/", customer_views.file, known, name=f"legal-{kind}-file"),
    ]


team_urls = [
    path(_AT, views.texts, name="settings_texts"),
    path(f"{_AT}<slug:place>/", views.text, name="settings_text"),
    path(f"{_AT}<slug:place>/<int:number>/", views.version, name="settings_text_version"),
    path(f"{_AT}<slug:place>/<int:number>.<str:form>", views.file, name="settings_text_file"),
]

customer_urls = [one for kind in PUBLIC for one in _public(kind)]
