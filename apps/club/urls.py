"""The club: the team's doors, and the pages on which one joins, waits, gives and opens a gift."""

from django.urls import path, re_path

from apps.club import customer_views, views

_TOKEN = r"(?P<token>[A-Za-z0-9_-]{22})"  # noqa: S105 (a pattern)

customer_urls = [
    path("club/", customer_views.club, name="club"),
    path("club/<int:pk>/", customer_views.plan, name="club-plan"),
    path("club/<int:pk>/offrir/", customer_views.give, name="club-give"),
    path("club/<int:pk>/attendre/", customer_views.wait, name="club-wait"),
    re_path(rf"^club/merci/{_TOKEN}/$", customer_views.thanks, name="club-thanks"),
    re_path(rf"^club/cadeau/{_TOKEN}/$", customer_views.gift, name="club-gift"),
    re_path(rf"^club/attente/{_TOKEN}/$", customer_views.line, name="club-line"),
]
_AT = "gestion/club/"
team_urls = [
    path(_AT, views.plans, name="club_plans"),
    path(f"{_AT}formules/nouvelle/", views.plan, name="club_plan_new"),
    path(f"{_AT}formules/<int:pk>/", views.plan, name="club_plan"),
    path(f"{_AT}formules/<int:pk>/ouvrir/", views.plan_open, name="club_plan_open"),
    path(f"{_AT}membres/", views.members, name="club_members"),
    path(f"{_AT}membres/<int:pk>/", views.member, name="club_member"),
    path(f"{_AT}membres/<int:pk>/resilier/", views.member_leaves, name="club_member_leaves"),
    path(f"{_AT}membres/<int:pk>/garder/", views.member_stays, name="club_member_stays"),
    path(f"{_AT}factures/", views.bill, name="club_bill"),
]
