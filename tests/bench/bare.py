"""The yardstick of a request: a view without middleware that locks, inserts and updates."""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.env import database

main = {**database(os.environ["DATABASE_URL"]), "ENGINE": "django.db.backends.postgresql"}
main["CONN_MAX_AGE"] = None
settings.configure(ROOT_URLCONF=__name__, DATABASES={"default": main}, ALLOWED_HOSTS=["*"])
django.setup()


class Card(models.Model):
    balance = models.IntegerField()

    class Meta:
        app_label, db_table = "bench", "bench_card"


class Movement(models.Model):
    card = models.ForeignKey(Card, models.CASCADE)
    stamps = models.IntegerField()

    class Meta:
        app_label, db_table = "bench", "bench_movement"


@transaction.atomic
def write(request: HttpRequest, pk: int) -> HttpResponse:
    card = Card.objects.select_for_update().get(pk=pk)
    Movement.objects.create(card=card, stamps=1)
    card.balance += 1
    card.save(update_fields=["balance"])
    return HttpResponse(str(card.balance))


def read(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(str(Card.objects.get(pk=pk).balance))


urlpatterns = [path("write/<int:pk>/", write), path("read/<int:pk>/", read)]
application = get_wsgi_application()
