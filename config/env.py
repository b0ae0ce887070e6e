"""The environment, read and checked once, before anything else is imported.

``COMPTOIR_MODE`` is ``production`` (the default) or ``local``. ``local`` is what
``make demo`` and the tests use: every key has a harmless default, messages land in the
mailbox page, the database is the embedded PostgreSQL. In ``production`` each missing or
wrong key is collected, and the boot is refused with all of them named in one go.
"""

import binascii
import os
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent


class WrongEnvironment(SystemExit):
    """The boot is refused; the message names every key that is missing or wrong."""


@dataclass(frozen=True)
class Key:
    """One environment variable: what it is for, how it is read, what it may be without.

    ``needed`` is ``always`` (in production), ``never``, or the name of another key whose
    presence makes this one necessary.
    """

    name: str
    why: str
    read: Callable[[str], Any] = str
    default: Any = ""
    needed: str = "never"


def yes_no(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "oui", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "non", "off", ""}:
        return False
    raise ValueError("oui ou non")


def secret(text: str) -> str:
    if len(text) < 50 or len(set(text)) < 5:
        raise ValueError("au moins 50 signes tirés au hasard")
    return text


def sealing_keys(text: str) -> tuple[bytes, ...]:
    """32 bytes each, in either base64."""
    wrong = ValueError("des clés de 32 octets en base64, séparées par des virgules")
    plain = text.replace("-", "+").replace("_", "/").split(",")
    try:
        keys = tuple(b64decode(one.strip(), validate=True) for one in plain)
    except binascii.Error:
        raise wrong from None
    if any(len(key) != 32 or len(set(key)) < 5 for key in keys):
        raise wrong
    return keys


def scalar(text: str) -> bytes:
    """A private key on P-256: 32 bytes in either base64."""
    key, *more = sealing_keys(text)
    if more:
        raise ValueError("une seule clé de 32 octets en base64")
    return key


def origins(text: str) -> str:
    if not all(re.fullmatch(r"https?://(\*\.)?[a-z0-9.-]+(:\d+)?", one) for one in text.split(",")):
        raise ValueError("https://hôte ou https://*.hôte, séparés par des virgules")
    return text


def host_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text):
        raise ValueError("un nom d’hôte en minuscules, sans port ni schéma")
    return text


def postgres(text: str) -> str:
    if urlsplit(text).scheme not in {"postgres", "postgresql"}:
        raise ValueError("postgresql://rôle:mot-de-passe@hôte:port/base")
    return text


def one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(" ou ".join(choices))
        return text

    return read


def rate(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,4}/[1-9]\d{0,2}", text):
        raise ValueError("requêtes/secondes, comme 25/5")
    return text


def dkim_keys(text: str) -> str:
    if not re.fullmatch(r"[\w-]+=[\w.{}-]+(,[\w-]+=[\w.{}-]+)*", text):
        raise ValueError("sélecteur=cible, séparés par des virgules ; {domain} : macave-fr")
    return text


def mail_url(text: str) -> str:
    if urlsplit(text).scheme not in {"smtp", "smtps", "smtp+tls"}:
        raise ValueError("smtp://, smtps:// ou smtp+tls://identifiant:mot-de-passe@hôte:port")
    return text


def slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]", text):
        raise ValueError("le premier mot de son adresse : « notre-maison »")
    return text


def stripe_key(text: str) -> str:
    if not re.fullmatch(r"[sr]k_(test|live)_[A-Za-z0-9]{24,}", text):
        raise ValueError("une clé secrète, sk_live_… ou sk_test_…")
    return text


# What Brevo asks of a domain, beside its own TXT record.
BREVO_DKIM = "brevo1=b1.{domain}.dkim.brevo.com,brevo2=b2.{domain}.dkim.brevo.com"
APNS = "https://api.push.apple.com"
GOOGLE_WALLET = "https://walletobjects.googleapis.com/walletobjects/v1"
# Google, Mozilla, Apple, Microsoft.
PUSH_SERVICES = (
    "https://fcm.googleapis.com,https://updates.push.services.mozilla.com,"
    "https://*.push.apple.com,https://*.notify.windows.com"
)
KEYS = (
    Key("SECRET_KEY", "signe les sessions, les jetons et les tâches", secret, needed="always"),
    Key(
        "VAULT_KEYS",
        "chiffrent le coffre des boutiques ; la première ferme, toutes ouvrent "
        "(openssl rand -base64 32)",
        sealing_keys,
        needed="always",
    ),
    Key("DATABASE_URL", "PostgreSQL, rôle de l’application", postgres, needed="always"),
    Key("DATABASE_OWNER_URL", "PostgreSQL, rôle propriétaire", postgres, needed="always"),
    Key("PLATFORM_HOST", "hôte de la plateforme", host_name, "localhost", needed="always"),
    Key("ADMIN_HOST", "hôte de l’administration (par défaut admin.<plateforme>)", host_name),
    Key("PLATFORM_EMAIL", "expéditeur des e-mails de la plateforme", needed="always"),
    Key("PLATFORM_PUBLISHER", "éditeur : nom, forme, adresse, SIREN", needed="always"),
    Key("PLATFORM_EDITOR", "responsable de la publication", needed="always"),
    Key("PLATFORM_HOSTING", "hébergeur : nom, adresse, téléphone", needed="always"),
    Key("DNS_SERVER", "résolveur DNS hôte:port ; vide : celui de la machine"),
    Key("DEBUG", "pages d’erreur détaillées ; jamais en production", yes_no, False),
    Key("PORT", "port écouté par le serveur web", int, 8000),
    Key("BIND", "adresse écoutée ; vide : toutes en production, 127.0.0.1 sinon"),
    Key("WEB_PROCESSES", "processus du serveur web", int, 2),
    Key("WEB_THREADS", "fils par processus du serveur web", int, 4),
    Key("DATA_DIR", "dossier des données locales", Path, BASE_DIR / ".data"),
    Key("TRUSTED_PROXIES", "nombre de proxys devant l’application", int, 0),
    Key("LOG_LEVEL", "niveau du journal", one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
    Key("EMAIL_PROVIDER", "smtp, brevo ou local", one_of("smtp", "brevo", "local"), "local"),
    Key("EMAIL_URL", "serveur SMTP", mail_url, needed="EMAIL_PROVIDER=smtp"),
    Key("BREVO_API_KEY", "clé de l’API Brevo", needed="EMAIL_PROVIDER=brevo"),
    Key("BREVO_API_URL", "adresse de l’API Brevo", str, "https://api.brevo.com/v3/"),
    Key("BREVO_WEBHOOK_SECRET", "secret des retours Brevo", needed="EMAIL_PROVIDER=brevo"),
    Key("MAIL_SPF", "ce que le SPF d’une boutique doit inclure", host_name, "spf.brevo.com"),
    Key("MAIL_DKIM", "clés DKIM des boutiques : sélecteur=cible du CNAME", dkim_keys, BREVO_DKIM),
    Key("REPLY_DOMAIN", "domaine qui reçoit les réponses aux e-mails (Brevo Inbound)", host_name),
    Key("SMS_PROVIDER", "twilio ou local", one_of("twilio", "local"), "local"),
    Key("TWILIO_ACCOUNT_SID", "compte Twilio", needed="SMS_PROVIDER=twilio"),
    Key("TWILIO_AUTH_TOKEN", "jeton Twilio", needed="SMS_PROVIDER=twilio"),
    Key("TWILIO_API_URL", "adresse de l’API Twilio", str, "https://api.twilio.com"),
    Key("TWILIO_SENDER", "numéro d’envoi ou service ; vide : le nom de la boutique"),
    Key("TWILIO_WHATSAPP", "numéro WhatsApp commun ; vide : chaque boutique a le sien"),
    Key("TWILIO_CONTENT_URL", "adresse des modèles Twilio", str, "https://content.twilio.com"),
    Key("APNS_URL", "notifications d’Apple pour les cartes", str, APNS),
    Key("GOOGLE_WALLET_URL", "cartes chez Google", str, GOOGLE_WALLET),
    Key(
        "GOOGLE_TOKEN_URL",
        "jetons de Google pour ses cartes",
        str,
        "https://oauth2.googleapis.com/token",
    ),
    Key(
        "VAPID_KEY",
        "signe les notifications ; vide : canal fermé. En changer désabonne tous les téléphones "
        "(openssl rand -base64 32)",
        scalar,
    ),
    Key(
        "PUSH_SERVICES",
        "où les navigateurs gardent leurs notifications ; rien ne part ailleurs",
        origins,
        PUSH_SERVICES,
    ),
    Key("GOOGLE_CLIENT_ID", "connexion avec Google"),
    Key("GOOGLE_CLIENT_SECRET", "connexion avec Google", needed="GOOGLE_CLIENT_ID"),
    Key("MEDIA_BUCKET", "seau S3 des logos ; vide : dossier local"),
    Key("MEDIA_S3_URL", "adresse du service S3", needed="MEDIA_BUCKET"),
    Key("MEDIA_S3_KEY", "clé S3", needed="MEDIA_BUCKET"),
    Key("MEDIA_S3_SECRET", "secret S3", needed="MEDIA_BUCKET"),
    Key("STRIPE_SECRET_KEY", "clé secrète Stripe ; vide : personne ne paie", stripe_key),
    Key(
        "STRIPE_WEBHOOK_SECRET",
        "secrets des webhooks Stripe (compte, comptes connectés), séparés par une virgule",
        needed="STRIPE_SECRET_KEY",
    ),
    Key(
        "PLATFORM_SHOP",
        "adresse de notre propre boutique, qui facture les formules",
        slug,
        needed="STRIPE_SECRET_KEY",
    ),
    Key("STRIPE_API_HOST", "adresse de l’API Stripe ; vide : la vraie"),
    Key("LEXWARE_URL", "adresse de l’API Lexware Office", str, "https://api.lexware.io/v1"),
    Key("LEXWARE_RATE", "requêtes/secondes que Lexware admet", rate, "2/1"),
    Key("PENNYLANE_CLIENT_ID", "application OAuth Pennylane ; vide : non proposé"),
    Key("PENNYLANE_CLIENT_SECRET", "secret de cette application", needed="PENNYLANE_CLIENT_ID"),
    Key("PENNYLANE_URL", "adresse de Pennylane", str, "https://app.pennylane.com"),
    Key("PENNYLANE_RATE", "requêtes/secondes que Pennylane admet", rate, "25/5"),
    Key("WORKERS", "processus de travail, plus un pour les urgences", int, 2),
    Key("WORKER_GRACE", "secondes laissées au travail en main quand on arrête", int, 25),
)


def _is_needed(key: Key, given: Mapping[str, str]) -> bool:
    if key.needed in {"always", "never"}:
        return key.needed == "always"
    other, _, value = key.needed.partition("=")
    return given.get(other) == value if value else bool(given.get(other))


def read_environment(given: Mapping[str, str]) -> dict[str, Any]:
    """Every key of ``KEYS`` plus ``MODE``, typed. Raises ``WrongEnvironment`` naming all faults."""
    mode = given.get("COMPTOIR_MODE", "production")
    faults = [] if mode in {"production", "local"} else ["COMPTOIR_MODE : production ou local"]
    values: dict[str, Any] = {"MODE": mode}
    for key in KEYS:
        text = given.get(key.name, "").strip()
        if not text:
            values[key.name] = key.default
            if mode == "production" and _is_needed(key, given):
                faults.append(f"{key.name} manque : {key.why}")
            continue
        try:
            values[key.name] = key.read(text)
        except ValueError as error:
            faults.append(f"{key.name} est mal réglé : {error}")
    if mode == "production" and values.get("DEBUG"):
        faults.append("DEBUG doit rester éteint en production")
    if faults:
        raise WrongEnvironment("Comptoir ne démarre pas :\n  - " + "\n  - ".join(faults))
    values["ADMIN_HOST"] = values["ADMIN_HOST"] or f"admin.{values['PLATFORM_HOST']}"
    return values


def database(url: str) -> dict[str, Any]:
    """A Django ``DATABASES`` entry from a URL; ``?host=/path`` names a unix socket folder."""
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "apps.core.postgres",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.pop("host", parts.hostname or "")),
        "PORT": str(parts.port or query.pop("port", "")),
        "OPTIONS": query,
    }


ENV = read_environment(os.environ)

if ENV["MODE"] == "local":
    from config import embedded

    ENV["SECRET_KEY"] = ENV["SECRET_KEY"] or embedded.secret_key(ENV["DATA_DIR"])
    ENV["VAULT_KEYS"] = ENV["VAULT_KEYS"] or sealing_keys(embedded.vault_key(ENV["DATA_DIR"]))
    ENV["VAPID_KEY"] = ENV["VAPID_KEY"] or scalar(embedded.vapid_key(ENV["DATA_DIR"]))
    for _name, _role in (("DATABASE_URL", embedded.APP), ("DATABASE_OWNER_URL", embedded.OWNER)):
        ENV[_name] = ENV[_name] or embedded.url(ENV["DATA_DIR"] / "postgres", _role)
    # The mailbox page signs its answers as Twilio and Brevo would.
    ENV["TWILIO_AUTH_TOKEN"] = ENV["TWILIO_AUTH_TOKEN"] or ENV["SECRET_KEY"]
    ENV["BREVO_WEBHOOK_SECRET"] = ENV["BREVO_WEBHOOK_SECRET"] or ENV["SECRET_KEY"]
    ENV["REPLY_DOMAIN"] = ENV["REPLY_DOMAIN"] or f"reponse.{ENV['PLATFORM_HOST']}"
    ENV["PLATFORM_EMAIL"] = ENV["PLATFORM_EMAIL"] or f"Comptoir <bonjour@{ENV['PLATFORM_HOST']}>"
    for _name in ("PLATFORM_PUBLISHER", "PLATFORM_EDITOR", "PLATFORM_HOSTING"):
        ENV[_name] = ENV[_name] or "Démonstration sur cette machine"
