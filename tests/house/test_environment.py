"""Production boots rightly set or not at all, and says everything that is wrong in one go."""

import os
import subprocess
import sys
from base64 import b64encode

import pytest

from config.env import KEYS, WrongEnvironment, read_environment
from tests.environment import ROOT

FULL = {
    "SECRET_KEY": "une-clef-de-soixante-signes-tires-au-hasard-0123456789-abcdef",
    "VAULT_KEYS": ",".join([b64encode(bytes(range(n, n + 32))).decode() for n in (0, 32)]),
    "DATABASE_URL": "postgresql://comptoir_app:x@db.exemple.fr/comptoir",
    "DATABASE_OWNER_URL": "postgresql://comptoir_owner:x@db.exemple.fr/comptoir",
    "PLATFORM_HOST": "comptoir.exemple.fr",
    "PLATFORM_EMAIL": "Comptoir <bonjour@comptoir.exemple.fr>",
    "PLATFORM_PUBLISHER": "Comptoir SAS, 1 rue de la Paix, 75002 Paris",
    "PLATFORM_EDITOR": "Camille Martin",
    "PLATFORM_HOSTING": "Hébergeur SAS, 2 rue du Port, 59000 Lille, 03 20 00 00 00",
    "TRUSTED_PROXIES": "1",
    "EMAIL_PROVIDER": "smtp",
    "EMAIL_URL": "smtps://u:p@smtp.exemple.fr:465",
    "SMS_PROVIDER": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "0" * 32,
}


def test_a_full_environment_boots():
    read = read_environment(FULL)
    assert read["MODE"] == "production"
    assert read["DEBUG"] is False
    assert read["ADMIN_HOST"] == "admin.comptoir.exemple.fr"


def test_every_missing_key_is_named_at_once():
    with pytest.raises(WrongEnvironment) as refused:
        read_environment({"EMAIL_PROVIDER": "brevo", "SMS_PROVIDER": "twilio", "MEDIA_BUCKET": "b"})
    told = str(refused.value)
    always = {key.name for key in KEYS if key.needed == "always"}
    then = {"BREVO_API_KEY", "BREVO_WEBHOOK_SECRET", "TWILIO_AUTH_TOKEN", "MEDIA_S3_SECRET"}
    for name in always | then:
        assert f"{name} manque" in told
    assert "GOOGLE_CLIENT_SECRET" not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "court"),
        ("SECRET_KEY", "a" * 60),
        ("VAULT_KEYS", "AAAA"),
        ("VAULT_KEYS", "pas du base64 !"),
        ("VAULT_KEYS", b64encode(b"a" * 32).decode()),
        ("VAULT_KEYS", b64encode(bytes(range(32))).decode() + ","),
        ("DATABASE_URL", "mysql://x/y"),
        ("PLATFORM_HOST", "https://comptoir.exemple.fr"),
        ("EMAIL_PROVIDER", "pigeon"),
        ("EMAIL_URL", "http://smtp"),
        ("PORT", "huit mille"),
        ("VAPID_KEY", "secrète"),
        ("PUSH_SERVICES", "fcm.googleapis.com"),
        ("DEBUG", "peut-être"),
        ("DEBUG", "oui"),
        ("LOG_LEVEL", "bavard"),
        ("COMPTOIR_MODE", "test"),
    ],
)
def test_a_wrong_key_is_named_and_its_value_is_not_told(name, value):
    with pytest.raises(WrongEnvironment) as refused:
        read_environment({**FULL, name: value})
    assert name in str(refused.value)
    if name in {"SECRET_KEY", "VAULT_KEYS", "VAPID_KEY"}:
        assert value not in str(refused.value)


def _example() -> str:
    """``.env.example`` as the table of keys makes it; ``python -m tests.house.test_environment``
    prints it."""
    lines = [
        "# Tout ce que Comptoir lit de son environnement. Une ligne sans « # » est nécessaire",
        "# en production ; une ligne avec « # » montre la valeur par défaut.",
        "",
        "COMPTOIR_MODE=production",
    ]
    for key in KEYS:
        needed = key.needed not in {"always", "never"}
        why = f"# {key.why}" + (f" (nécessaire avec {key.needed})" if needed else "")
        shown = "" if key.name == "DATA_DIR" else str(key.default)
        value = {"False": "non", "True": "oui"}.get(shown, shown)
        mark = "" if key.needed == "always" else "# "
        lines += ["", why, f"{mark}{key.name}={value}"]
    return "\n".join(lines) + "\n"


def test_the_example_holds_every_key():
    how = "COMPTOIR_MODE=local python -m tests.house.test_environment > .env.example"
    assert (ROOT / ".env.example").read_text() == _example(), how


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_settings_pass_djangos_own_check(tmp_path):
    done = _run(
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        **FULL,
        DATA_DIR=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_without_an_environment_the_boot_is_refused_in_one_sentence():
    done = _run("manage.py", "check")
    assert done.returncode != 0
    assert "SECRET_KEY manque" in done.stderr
    assert "Traceback" not in done.stderr


def test_gunicorn_reads_the_same_environment(tmp_path):
    done = _run(
        *("-m", "gunicorn", "--check-config", "-c", "python:config.gunicorn", "config.wsgi"),
        **FULL,
        DATA_DIR=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    sys.stdout.write(_example())
