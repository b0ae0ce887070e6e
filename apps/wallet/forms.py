"""What Apple gives to whom it lets sign passes, as the owner hands it in."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from apps.wallet.accounts import read_account
from apps.wallet.identities import Identity, Unreadable, read_identity

MOST_BYTES = 50_000  # of one file; a certificate has some thousands
push_key_rule = RegexValidator(r"^[A-Z0-9]{10}\Z", _("Dix lettres majuscules ou chiffres."))


class IdentityForm(forms.Form):
    bundle = forms.FileField(
        label=_("Certificat et clé (.p12)"),
        help_text=_("Exporté du Trousseau d’accès : le certificat « Pass Type ID » et sa clé."),
        widget=forms.FileInput(attrs={"accept": ".p12,.pfx"}),
    )
    password = forms.CharField(
        label=_("Mot de passe du .p12"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    intermediate = forms.FileField(
        label=_("Certificat intermédiaire d’Apple (.cer)"),
        required=False,
        help_text=_("« Worldwide Developer Relations », si le .p12 ne le contient pas."),
        widget=forms.FileInput(attrs={"accept": ".cer,.pem"}),
    )
    push_key = forms.FileField(
        label=_("Clé de notification (.p8)"),
        help_text=_("Créée dans « Keys », avec le service APNs."),
        widget=forms.FileInput(attrs={"accept": ".p8"}),
    )
    push_key_id = forms.CharField(
        label=_("Identifiant de cette clé"),
        max_length=10,
        validators=[push_key_rule],
        help_text=_("« Key ID », dix signes."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if self.errors:
            return said
        try:
            self.identity: Identity = read_identity(
                bundle=_read(said["bundle"]),
                password=said["password"],
                intermediate=_read(said["intermediate"]),
                push_key=_read(said["push_key"]),
                push_key_id=said["push_key_id"],
            )
        except Unreadable as refusal:
            self.add_error(None, str(refusal))
        return said


class GoogleForm(forms.Form):
    issuer = forms.CharField(
        label=_("Numéro d’émetteur"),
        max_length=24,
        help_text=_("« Issuer ID », dans la console Google Pay & Wallet."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    account = forms.FileField(
        label=_("Clé du compte de service (.json)"),
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if self.errors:
            return said
        try:
            self.data_read = _read(said["account"])
            read_account(self.data_read, said["issuer"])
        except Unreadable as refusal:
            self.add_error(None, str(refusal))
        return said


def _read(file: UploadedFile | None) -> bytes:
    if file is None:
        return b""
    if (file.size or 0) > MOST_BYTES:
        raise Unreadable(_("Ce fichier est trop lourd pour un certificat ou une clé."))
    return file.read()
