"""The platform's own pages."""

from django.urls import path

from apps.ops import mailbox_views

platform_urls = [
    path("boite/", mailbox_views.mailbox, name="mailbox"),
    path("boite/repondre/", mailbox_views.answer, name="answer_sms"),
]
