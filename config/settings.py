"""Django's settings: one file; everything that varies comes from ``config.env``."""

from datetime import time
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django

from config.env import APNS, BASE_DIR, ENV, GOOGLE_WALLET, database

VERSION = "0.1.0"  # as in pyproject.toml, which the image has not
LOCAL = ENV["MODE"] == "local"
DEBUG = ENV["DEBUG"]
SECRET_KEY = ENV["SECRET_KEY"]
VAULT_KEYS = ENV["VAULT_KEYS"]  # see apps/core/sealing.py
DATA_DIR = ENV["DATA_DIR"]

# --- hosts -------------------------------------------------------------------------------
PLATFORM_HOST = ENV["PLATFORM_HOST"]
ADMIN_HOST = ENV["ADMIN_HOST"]
SCHEME = "http" if LOCAL else "https"
PORT_SUFFIX = f":{ENV['PORT']}" if LOCAL else ""
# Shops bring their own domains: the host is looked up in the database, and an unknown
# one gets a plain 404 from HostMiddleware before anything trusts it.
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "config.urls_shop"
PUBLIC_SCHEMA_URLCONF = "config.urls_public"
ADMIN_URLCONF = "config.urls_admin"
TRUSTED_PROXIES = ENV["TRUSTED_PROXIES"]
DNS_SERVER = ENV["DNS_SERVER"]  # "host:port" asked for the proof of a domain; empty: the machine's

# --- applications ------------------------------------------------------------------------
SHARED_APPS = [
    "django_tenants",
    "apps.core",
    "apps.shops",
    "apps.accounts",
    "apps.payments",
    "apps.ops",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "django_htmx",
    "template_partials",
    "anymail",
    "django_q",
    "djstripe",
]
TENANT_APPS = [
    "apps.audit",
    "apps.contacts",
    "apps.imports",
    "apps.catalog",
    "apps.review",
    "apps.messaging",
    "apps.wallet",
    "apps.invoicing",
    "apps.legal",
    "apps.loyalty",
    "apps.counter",
    "apps.club",
    "apps.audience",
    "apps.campaigns",
    "apps.analytics",
]
INSTALLED_APPS = SHARED_APPS + TENANT_APPS
TENANT_MODEL = "shops.Shop"
TENANT_DOMAIN_MODEL = "shops.Domain"
TENANT_LIMIT_SET_CALLS = True
TENANT_SYNC_ROUTER = "apps.shops.router.SchemaRouter"
DATABASE_ROUTERS = [TENANT_SYNC_ROUTER]

MIDDLEWARE = [
    "apps.core.middleware.RequestIdMiddleware",
    "apps.ops.middleware.HealthMiddleware",
    "apps.core.middleware.LiveMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads its answers at random: no guessing by length
    "apps.core.middleware.HeadersMiddleware",
    "apps.shops.middleware.HostMiddleware",
    "apps.accounts.middleware.HostSessionMiddleware",
    "apps.shops.middleware.LanguageMiddleware",
    "apps.core.middleware.BodyLimitMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "apps.accounts.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.accounts.middleware.DoorMiddleware",
    "apps.shops.middleware.StandingMiddleware",
    "apps.core.middleware.RefusalMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Django's admin pages before those of django-tenants, whose inline styles the CSP refuses.
        "DIRS": [BASE_DIR / "templates", Path(django.__file__).parent / "contrib/admin/templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.shops.context.shop",
                "apps.accounts.context.member",
                "apps.review.context.to_review",
            ],
            "builtins": [
                "apps.core.templatetags.french",
                "apps.core.templatetags.kept",
                "apps.core.templatetags.live",
                "template_partials.templatetags.partials",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- database ----------------------------------------------------------------------------
DATABASES = {"default": database(ENV["DATABASE_URL"]), "owner": database(ENV["DATABASE_OWNER_URL"])}
# One connection a thread, kept (measured: tests/bench/rows/links.py). It is looked at before it
# is used again, without a statement, and renewed after an hour or this many schemas: a backend
# remembers each table it met (apps/core/postgres).
DATABASES["default"] |= {"CONN_MAX_AGE": 3600, "CONN_HEALTH_CHECKS": True, "MAX_SCHEMAS": 600}
DATABASES["owner"]["MAX_SCHEMAS"] = 600
# Whoever hangs, on either end, keeps no shop's row for ever. DATABASE_URL may say otherwise
# (?options=…, ?tcp_user_timeout=…): a pooler in front may refuse ``options``.
_WATCH = {"connect_timeout": 5, "keepalives_idle": 30, "keepalives_interval": 10}
_WATCH |= {"keepalives_count": 3, "tcp_user_timeout": 60_000}
_PATIENCE = {
    "default": {"lock": "10s", "statement": "60s", "idle_in_transaction_session": "60s"},
    # What migrates and restores takes its time, but does not sleep with a shop's tables locked.
    "owner": {"idle_in_transaction_session": "10min"},
}
# To weigh a merge join the planner reads the ends of the indexes, each time anew: a third of what
# a short join by its key costs the server. A hash join serves the long ones as well.
_PLANS = {"default": "-c enable_mergejoin=off ", "owner": ""}
for _name, _limits in _PATIENCE.items():
    _said = _PLANS[_name] + " ".join(f"-c {name}_timeout={at}" for name, at in _limits.items())
    DATABASES[_name]["OPTIONS"] = {**_WATCH, "options": _said, **DATABASES[_name]["OPTIONS"]}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "core_cache",
        "TIMEOUT": 3600,
        # allauth's rate limits live here: with Django's 300 a flood would push them out.
        "OPTIONS": {"MAX_ENTRIES": 200_000},
    }
}

# --- people and sessions -----------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
SESSION_ENGINE = "apps.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_DOMAIN = CSRF_COOKIE_DOMAIN = None  # host-only: a shop's own domain shares none
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "apps.core.views.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LOGIN_URL = "/connexion/"
LOGIN_REDIRECT_URL = "/boutiques/"
ACCOUNT_ADAPTER = "apps.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FORM_CLASS = "apps.accounts.forms.SignUpForm"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to strangers whose address somebody typed
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_DEFAULT_HTTP_PROTOCOL = SCHEME
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Comptoir"
MFA_TOTP_TOLERANCE = 1  # half a minute late is not wrong (RFC 6238 §5.2)
GOOGLE_SIGN_IN = bool(ENV["GOOGLE_CLIENT_ID"])
SOCIALACCOUNT_ADAPTER = "apps.accounts.adapter.GoogleAdapter"
# An address that Google says is proven enters the account that has proven it too.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS = {
    "google": {
        "APPS": [{"client_id": ENV["GOOGLE_CLIENT_ID"], "secret": ENV["GOOGLE_CLIENT_SECRET"]}]
        if ENV["GOOGLE_CLIENT_ID"]
        else [],
        "SCOPE": ["profile", "email"],
    }
}

# --- security ----------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if not LOCAL:
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health/"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
MAX_LOGO_BYTES = 5_000_000
MAX_PHOTO_BYTES = 15_000_000
MAX_IMPORT_BYTES = 20_000_000
MAX_BODY_BYTES = 21_000_000  # of any request; a view that takes less says so (core.doors.takes)
# Where an answer to a form may lead outside (Chrome applies form-action to redirects).
FORM_TARGETS = ["https://accounts.google.com"] if GOOGLE_SIGN_IN else []
if ENV["STRIPE_SECRET_KEY"]:
    FORM_TARGETS += [
        f"https://{name}.stripe.com" for name in ("checkout", "billing", "connect", "invoice")
    ]
    if ENV["STRIPE_API_HOST"]:
        FORM_TARGETS.append(ENV["STRIPE_API_HOST"])
if ENV["PENNYLANE_CLIENT_ID"]:
    FORM_TARGETS.append(ENV["PENNYLANE_URL"])

# --- language ----------------------------------------------------------------------------
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Paris"
FORMAT_MODULE_PATH = ["config.formats"]

# --- static and media --------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "apps.core.staticfiles.AdminFiles",
]
MEDIA_ROOT = DATA_DIR / "media"
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "apps.core.staticfiles.HashedStaticFiles"},
}
if ENV["MEDIA_BUCKET"]:
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": ENV["MEDIA_BUCKET"],
            "endpoint_url": ENV["MEDIA_S3_URL"],
            "access_key": ENV["MEDIA_S3_KEY"],
            "secret_key": ENV["MEDIA_S3_SECRET"],
            "default_acl": "private",
        },
    }

# --- outgoing messages -------------------------------------------------------------------
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV["PLATFORM_EMAIL"]
PLATFORM_PUBLISHER = ENV["PLATFORM_PUBLISHER"]
PLATFORM_EDITOR = ENV["PLATFORM_EDITOR"]
PLATFORM_HOSTING = ENV["PLATFORM_HOSTING"]
PLATFORM_EMAIL_ADDRESS = parseaddr(ENV["PLATFORM_EMAIL"])[1]
EMAIL_PROVIDER, SMS_PROVIDER = ENV["EMAIL_PROVIDER"], ENV["SMS_PROVIDER"]
EMAIL_TIMEOUT = 20
MAILBOX_DIR = DATA_DIR / "mailbox"
if EMAIL_PROVIDER == "smtp":
    _smtp = urlsplit(ENV["EMAIL_URL"])
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _smtp.hostname, _smtp.port or 25
    EMAIL_HOST_USER = unquote(_smtp.username or "")
    EMAIL_HOST_PASSWORD = unquote(_smtp.password or "")
    EMAIL_USE_TLS, EMAIL_USE_SSL = _smtp.scheme == "smtp+tls", _smtp.scheme == "smtps"
elif EMAIL_PROVIDER == "brevo":
    EMAIL_BACKEND = "anymail.backends.brevo.EmailBackend"
else:
    EMAIL_BACKEND = "apps.core.mailbox.MailboxBackend"
ANYMAIL = {
    "BREVO_API_KEY": ENV["BREVO_API_KEY"],
    "BREVO_API_URL": ENV["BREVO_API_URL"],
    "REQUESTS_TIMEOUT": (5, 20),
}
BREVO_WEBHOOK_SECRET = ENV["BREVO_WEBHOOK_SECRET"]
# What a shop's own domain must say before a mail leaves in its name.
MAIL_SPF = ENV["MAIL_SPF"]
MAIL_DKIM = [tuple(pair.split("=")) for pair in ENV["MAIL_DKIM"].split(",")]
REPLY_DOMAIN = ENV["REPLY_DOMAIN"]  # its MX is Brevo's; empty: answers by mail go to the shop's own
TWILIO_ACCOUNT_SID = ENV["TWILIO_ACCOUNT_SID"]
TWILIO_AUTH_TOKEN = ENV["TWILIO_AUTH_TOKEN"]
TWILIO_API_URL = ENV["TWILIO_API_URL"]
TWILIO_SENDER = ENV["TWILIO_SENDER"]
TWILIO_WHATSAPP, TWILIO_CONTENT_URL = ENV["TWILIO_WHATSAPP"], ENV["TWILIO_CONTENT_URL"]
VAPID_KEY, PUSH_SERVICES = ENV["VAPID_KEY"], ENV["PUSH_SERVICES"].split(",")

# Where phones are told that their pass has changed; the demonstration tells none.
APNS_URL = ENV["APNS_URL"] if not LOCAL or ENV["APNS_URL"] != APNS else ""
GOOGLE_WALLET_URL = ENV["GOOGLE_WALLET_URL"]
if LOCAL and GOOGLE_WALLET_URL == GOOGLE_WALLET:
    GOOGLE_WALLET_URL = ""
GOOGLE_TOKEN_URL = ENV["GOOGLE_TOKEN_URL"]

# Promotional messages may leave between these (AF2M charter 2026); a shop may only narrow them.
COMMERCIAL_HOURS = (time(8), time(21, 30))
# Owners are told once when their messages have cost so much of the month's budget.
BUDGET_ALERT_PERCENT = 80
# What operators and mailboxes take for a sender nobody wants, over so many days and from so many
# messages on; past it commercial messages of that channel leave at a slower pace.
SENDER_QUALITY = {
    "days": 30,
    "sample": 100,
    "stop_percent": 2,
    "bounce_percent": 3,
    "slow_per_hour": 200,
    "round_minutes": 6,
}

# --- work off the request ----------------------------------------------------------------
CHANNELS = "config.channels.CHANNELS"
REACTIONS = "config.reactions.REACTIONS"
MAY_WORK = "apps.shops.ledger.may_work"  # asked before each job: is its schema up to this code?
VAT_RATES = "config.vat.VAT_RATES"
INTAKES = "config.intakes.INTAKES"
REVIEWS = "config.reviews.REVIEWS"
EXPORTS = "config.exports.EXPORTS"
Q_CLUSTER = {
    "name": "comptoir",
    "orm": "default",
    "broker_class": "apps.core.queue.Broker",
    "workers": ENV["WORKERS"],
    "poll": 0.2,
    "timeout": 60,  # a job that takes longer is killed, and has had a try
    "retry": 120,  # the lease: after it a job belongs to who takes it
    "max_attempts": 5,
    "save_limit": -1,
    "catch_up": False,
    "label": "Travaux",
    "log_level": "WARNING",
}
WORKER_GRACE = ENV["WORKER_GRACE"]
WORKER_MEMORY_MB = 190  # what draws and checks an invoice takes 50 of them
WORKER_JOBS = 5000  # then a fresh one takes its place

# --- Stripe ------------------------------------------------------------------------------
STRIPE_SECRET_KEY = ENV["STRIPE_SECRET_KEY"]  # empty: nobody pays, and every shop is open
STRIPE_API_URL = ENV["STRIPE_API_HOST"] or "https://api.stripe.com"
STRIPE_WEBHOOK_SECRETS = [one for one in ENV["STRIPE_WEBHOOK_SECRET"].split(",") if one]
PLATFORM_SHOP = ENV["PLATFORM_SHOP"]  # the slug of the shop that invoices plans
STRIPE_LIVE_MODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
STRIPE_LIVE_SECRET_KEY = STRIPE_SECRET_KEY if STRIPE_LIVE_MODE else ""
STRIPE_TEST_SECRET_KEY = "" if STRIPE_LIVE_MODE else STRIPE_SECRET_KEY
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
# dj-stripe's rows of a connected account are of the shop whose account it is (``shops.walls``).
WALLED_BY_ACCOUNT = (
    "djstripe_owner_account",
    ("payments_shopaccount", "account_id", "shop_schema"),
)

# --- bookkeeping -------------------------------------------------------------------------
LEXWARE_URL, PENNYLANE_URL = ENV["LEXWARE_URL"], ENV["PENNYLANE_URL"]
# So many requests in so many seconds.
LEXWARE_RATE, PENNYLANE_RATE = (
    tuple(map(int, ENV[name].split("/"))) for name in ("LEXWARE_RATE", "PENNYLANE_RATE")
)
PENNYLANE_CLIENT_ID = ENV["PENNYLANE_CLIENT_ID"]
PENNYLANE_CLIENT_SECRET = ENV["PENNYLANE_CLIENT_SECRET"]
LOCAL_BOOKS = DATA_DIR / "books"  # of the demonstration

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "apps.core.logs.ContextFilter"}},
    "formatters": {"json": {"()": "apps.core.logs.JsonFormatter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["context"],
        }
    },
    "root": {"handlers": ["console"], "level": ENV["LOG_LEVEL"]},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
        "twilio": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
    },
}
