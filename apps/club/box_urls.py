"""The doors to the boxes: the desk's, the counter's, and the member's own."""

from django.urls import path

from apps.club import box_views, customer_box_views, one_box_views, selection_views

customer_urls = [
    path("club/m/<str:token>/box/<int:pk>/", customer_box_views.box, name="club_act_box"),
    path("club/m/<str:token>/couleurs/", customer_box_views.colours, name="club_act_colours"),
]
_AT = "gestion/club/box/"
team_urls = [
    path(_AT, box_views.box_rounds, name="club_rounds"),
    path(f"{_AT}reglage/", box_views.box_rule, name="club_rule"),
    path(f"{_AT}<int:pk>/", box_views.box_round, name="club_round"),
    path(f"{_AT}<int:pk>/avancer/", box_views.box_round_act, name="club_round_act"),
    path(f"{_AT}<int:pk>/preparation/", box_views.box_preparation, name="club_preparation"),
    path(f"{_AT}<int:pk>/etiquettes/", one_box_views.box_labels, name="club_labels"),
    path(f"{_AT}<int:pk>/etiquettes.pdf", one_box_views.box_labels_file, name="club_labels_pdf"),
    path(
        f"{_AT}<int:pk>/formule/<int:plan_id>/",
        selection_views.box_selection,
        name="club_selection",
    ),
    path(f"{_AT}une/<int:pk>/", one_box_views.box, name="club_box"),
    path(f"{_AT}une/<int:pk>/cocher/", box_views.box_pack, name="club_box_pack"),
    path("comptoir/box/<int:pk>/", one_box_views.hand_over, name="counter-box"),
]
