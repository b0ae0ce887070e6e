from django.apps import AppConfig


class CounterConfig(AppConfig):
    name = "apps.counter"
    label = "counter"
