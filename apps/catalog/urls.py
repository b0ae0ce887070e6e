"""The doors of the catalogue, all under ``/gestion/catalogue/``."""

from django.urls import path

from apps.catalog import views

team_urls = [
    path("", views.catalogue, name="catalogue"),
    path("nouveau/", views.product_form, name="product_new"),
    path("<int:pk>/", views.product, name="product"),
    path("<int:pk>/modifier/", views.product_form, name="product_edit"),
    path("<int:pk>/rayon/", views.shelve, name="product_shelve"),
    path("stock/<int:pk>/", views.stock, name="stock"),
]
