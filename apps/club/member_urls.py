"""Where a member's own page is, how one leaves, and what the team does about it."""

from django.urls import path

from apps.club import arrear_views
from apps.club import customer_leaving_views as leaving
from apps.club import customer_member_views as views

customer_urls = [
    path("club/espace/", views.find, name="club_find"),
    path("club/resilier/", leaving.cancel, name="club_leave"),
    path("club/renoncer/", leaving.renounce, name="club_renounce"),
    path("club/regler/<str:token>/", views.pay, name="club_pay"),
    path("club/m/<str:token>/", views.member, name="club_mine"),
    path("club/m/<str:token>/adresse/", views.address, name="club_mine_address"),
    path("club/m/<str:token>/resilier/", leaving.cancel, name="club_mine_leave"),
    path("club/m/<str:token>/renoncer/", leaving.renounce, name="club_mine_renounce"),
    path("club/m/<str:token>/facture/<str:number>/", views.invoice, name="club_mine_invoice"),
    path("club/m/<str:token>/code/", views.code, name="club_act_code"),
    path("club/m/<str:token>/ouvrir/", views.enter, name="club_act_open"),
    path("club/m/<str:token>/fermer/", views.close, name="club_act_close"),
    path("club/m/<str:token>/pause/", views.rest, name="club_act_rest"),
    path("club/m/<str:token>/reprendre/", views.resume, name="club_act_resume"),
    path("club/m/<str:token>/moyen/", views.means, name="club_act_means"),
    path("club/m/<str:token>/prix/<int:answer>/", views.price, name="club_act_price"),
    path("club/m/<str:token>/rester/", views.stay, name="club_act_stay"),
]
team_urls = [
    path("gestion/club/retards/", arrear_views.arrears, name="club_arrears"),
    path("gestion/club/retours/<int:pk>/", arrear_views.bottles_back, name="club_bottles_back"),
    path("gestion/club/formules/<int:pk>/prix/", arrear_views.price, name="club_price"),
]
