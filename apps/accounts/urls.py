"""Doors of people: signing in (platform and admin), a person's account, a shop's team."""

from allauth.account import views as sign
from allauth.mfa.base import views as factor
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.google import views as google
from django.urls import path, re_path

from apps.accounts import device_views, entry_views, phone_views, platform_views, views
from apps.core.doors import public, signed_in

# allauth finds its pages by these names; both hosts where people sign in have them.
entrance_urls = [
    path("connexion/", public(sign.login), name="account_login"),
    path("connexion/code/", public(factor.authenticate), name="mfa_authenticate"),
    path("connexion/confirmer/", signed_in(sign.reauthenticate), name="account_reauthenticate"),
    path("connexion/confirmer/code/", signed_in(factor.reauthenticate), name="mfa_reauthenticate"),
    path("deconnexion/", public(sign.logout), name="account_logout"),
    path("compte/inactif/", public(sign.account_inactive), name="account_inactive"),
    path(
        "adresse/verifier/",
        public(sign.email_verification_sent),
        name="account_email_verification_sent",
    ),
    re_path(
        r"^adresse/verifier/(?P<key>[-:\w]+)/$",
        public(sign.confirm_email),
        name="account_confirm_email",
    ),
    path("mot-de-passe/oublie/", public(sign.password_reset), name="account_reset_password"),
    path(
        "mot-de-passe/oublie/envoye/",
        public(sign.password_reset_done),
        name="account_reset_password_done",
    ),
    re_path(
        r"^mot-de-passe/nouveau/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[-\w]+)/$",
        public(sign.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "mot-de-passe/nouveau/fait/",
        public(sign.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("compte/securite/", signed_in(factor.index), name="mfa_index"),
    path("compte/securite/activer/", signed_in(totp.activate_totp), name="mfa_activate_totp"),
    path(
        "compte/securite/desactiver/", signed_in(totp.deactivate_totp), name="mfa_deactivate_totp"
    ),
    path(
        "compte/securite/codes/",
        signed_in(codes.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "compte/securite/codes/nouveaux/",
        signed_in(codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "compte/securite/codes/telecharger/",
        signed_in(codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
]

platform_urls = [
    path("inscription/", public(sign.signup), name="account_signup"),
    *entrance_urls,
    path("connexion/google/", public(google.oauth2_login), name="google_login"),
    path("connexion/google/retour/", public(google.oauth2_callback), name="google_callback"),
    path("connexion/google/finir/", public(social.signup), name="socialaccount_signup"),
    path(
        "connexion/google/annulee/",
        public(social.login_cancelled),
        name="socialaccount_login_cancelled",
    ),
    path("connexion/google/erreur/", public(social.login_error), name="socialaccount_login_error"),
    path("compte/", platform_views.account, name="account"),
    path(
        "compte/deconnecter-partout/",
        platform_views.sign_out_everywhere,
        name="sign_out_everywhere",
    ),
    path("compte/adresse/", signed_in(sign.email), name="account_email"),
    path("compte/google/", signed_in(social.connections), name="socialaccount_connections"),
    path("compte/mot-de-passe/", signed_in(sign.password_change), name="account_change_password"),
    path("compte/mot-de-passe/creer/", signed_in(sign.password_set), name="account_set_password"),
    path("boutiques/", platform_views.shops, name="shops"),
    path("boutiques/nouvelle/", platform_views.new_shop, name="new_shop"),
    path("boutiques/nouvelle/adresse/", platform_views.address, name="new_shop_address"),
    path("boutiques/<slug:slug>/entrer/", platform_views.enter_shop, name="enter_shop"),
    path("invitations/<str:token>/", platform_views.invitation, name="invitation"),
]

entry_urls = [
    path("entree/", entry_views.enter, name="enter"),
    path("entree/arrivee/", entry_views.arrive, name="arrive"),
    path("sortie/", entry_views.leave, name="leave"),
    path("comptoir/relier/", phone_views.pair, name="pair"),
    path("comptoir/qui/", phone_views.who, name="who"),
    path("comptoir/qui/<int:pk>/", phone_views.enter_pin, name="enter_pin"),
    path("sortie/partout/", entry_views.leave_everywhere, name="leave_everywhere"),
]

team_urls = [
    path("equipe/", views.members, name="team"),
    path("equipe/inviter/", views.invite, name="team_invite"),
    path("equipe/invitations/<int:pk>/renvoyer/", views.resend, name="team_resend"),
    path("equipe/invitations/<int:pk>/retirer/", views.revoke, name="team_revoke"),
    path("equipe/<int:pk>/role/", views.change_role, name="team_role"),
    path("equipe/<int:pk>/retirer/", views.remove, name="team_remove"),
    path("equipe/ceder/", views.hand_over, name="team_hand_over"),
    path("equipe/<int:pk>/debloquer/", device_views.unlock, name="team_unlock"),
    path("equipe/telephones/", device_views.offer, name="team_device_offer"),
    path("equipe/telephones/<int:number>/", device_views.device, name="team_device"),
    path("equipe/telephones/<int:number>/retirer/", device_views.revoke, name="team_device_revoke"),
    path("compte/", views.account, name="my_account"),
    path("compte/code/", views.choose_pin, name="my_pin"),
]
