"""The doors of the catalogue: the team's under ``/gestion/catalogue/``, and the photos."""

from django.urls import path

from apps.catalog import customer_views, views

team_urls = [
    path("", views.catalogue, name="catalogue"),
    path("nouveau/", views.product_form, name="product_new"),
    path("produits.csv", views.export, name="products_csv"),
    path("<int:pk>/", views.product, name="product"),
    path("<int:pk>/modifier/", views.product_form, name="product_edit"),
    path("<int:pk>/rayon/", views.shelve, name="product_shelve"),
    path("<int:pk>/photo/", views.photo, name="product_photo"),
    path("stock/<int:pk>/", views.stock, name="stock"),
]

customer_urls = [
    path("photo/<str:photo>-<str:size>.webp", customer_views.photo, name="photo"),
]
