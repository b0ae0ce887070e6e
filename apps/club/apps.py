from django.apps import AppConfig


class ClubConfig(AppConfig):
    name = "apps.club"
    label = "club"
