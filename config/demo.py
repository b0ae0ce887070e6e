"""``make demo``: the whole of Comptoir on this machine, until Ctrl-C.

Imports little before its first line: who waits wants to know for what. The children die with
it; what a ``kill -9`` left behind is found in ``.data/demo.json`` and stopped at the next start.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

BEGAN = time.monotonic()
ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DATA_DIR") or ROOT / ".data").resolve()
PORT = int(os.environ.get("PORT") or 8000)
PHONE = os.environ.get("PHONE", "")  # see config.phone
PHONE_PORT = PORT + 443
POSTGRES, STATE, LOG = DATA / "postgres", DATA / "demo.json", DATA / "demo.log"
STATIC_MARK = DATA / "static.mark"
# What a recorded process must still be called before it is touched: numbers are given anew.
NAMES = {
    "launcher": "config.demo",
    "web": "config.wsgi",
    "worker": "run_worker",
    "stripe": "tests.peers.stripe",
    "phone": "config.wsgi",
}
PLATFORM_SHOP = "maison"  # Comptoir's own shop, which invoices the others
STRIPE_SECRET = "whsec_demonstration"  # noqa: S105  # between two processes of this machine
_stripe: dict[str, str] = {}  # where it answers, once it does


class Stop(Exception):
    """Ctrl-C or SIGTERM."""


class CannotStart(Exception):
    """The sentence says why, and what to do."""


def say(line: str) -> None:
    sys.stdout.write(f"[{time.monotonic() - BEGAN:5.1f} s] {line}\n")
    sys.stdout.flush()


def command_line(pid: int) -> str:
    """How the process ``pid`` was started; empty when there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    with contextlib.suppress(OSError):
        shown = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        return shown.stdout
    return ""


def _alive(name: str, pid: int) -> bool:
    return pid != os.getpid() and NAMES[name] in command_line(pid)


def recover() -> None:
    """Stop what an earlier run left behind. Raises ``CannotStart`` when it still runs."""
    try:
        left = {name: int(pid) for name, pid in json.loads(STATE.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return
    if _alive("launcher", left.pop("launcher", 0)):
        raise CannotStart("La démonstration tourne déjà dans ce dossier : arrêtez-la par Ctrl-C.")
    strays = {name: pid for name, pid in left.items() if name in NAMES and _alive(name, pid)}
    if strays:
        say(f"arrêt de ce qu’un démarrage interrompu a laissé ({', '.join(strays)})")
    for sign, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        for pid in strays.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, sign)  # each child leads a group of its own
        end = time.monotonic() + patience
        while strays and time.monotonic() < end:
            strays = {name: pid for name, pid in strays.items() if _alive(name, pid)}
            time.sleep(0.05)
    STATE.unlink(missing_ok=True)


def record(**pids: int) -> None:
    partial = STATE.with_suffix(".partial")
    partial.write_text(json.dumps({"launcher": os.getpid(), **pids}))
    partial.replace(STATE)


def environment() -> dict[str, str]:
    return {
        **_stripe,
        **os.environ,
        "COMPTOIR_MODE": "local",
        "DATA_DIR": str(DATA),
        "PORT": str(PORT),
        "PYTHONUNBUFFERED": "1",
    }


def given_database() -> bool:
    """Whether a PostgreSQL was given; then both roles must be."""
    given = [bool(os.environ.get(name)) for name in ("DATABASE_URL", "DATABASE_OWNER_URL")]
    if any(given) and not all(given):
        raise CannotStart("Donnez DATABASE_URL et DATABASE_OWNER_URL, ou aucune des deux.")
    return all(given)


def manage(*arguments: str) -> None:
    """A management command; each line it writes is told, its errors go to the log."""
    with LOG.open("ab") as errors:
        child = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        for line in child.stdout or ():
            say(f"  {line.rstrip()}")
        if child.wait():
            raise CannotStart(f"« manage.py {arguments[0]} » a échoué, voir la fin de {LOG}.")
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()


def _static_state() -> str:
    """Changes when a static file, or what makes their names, does."""
    digest = hashlib.sha256()
    sources = [ROOT / "apps/core/staticfiles.py", ROOT / "requirements.txt"]
    for path in sorted([*sources, *(ROOT / "static").rglob("*")]):
        if path.is_file():
            found = path.stat()
            line = f"{path.relative_to(ROOT)} {found.st_mtime_ns} {found.st_size}\n"
            digest.update(line.encode())
    return digest.hexdigest()


def collect_static() -> None:
    state = _static_state()
    with contextlib.suppress(OSError):
        if STATIC_MARK.read_text() == state and (DATA / "static/staticfiles.json").exists():
            return
    say("fichiers statiques : noms uniques et compression")
    manage("collectstatic", "--noinput", "--clear", "-v0")
    STATIC_MARK.write_text(state)


def prepare(ours: bool) -> None:
    """Database (the embedded one is ``ours``), tables, three shops, static files."""
    if ours:
        from config import embedded

        say("PostgreSQL embarqué")
        embedded.start(POSTGRES)
        embedded.ensure_database(POSTGRES)
    say("tables et boutiques de démonstration")
    manage("prepare_demo")
    collect_static()


def play_stripe() -> list["subprocess.Popen[bytes]"]:
    """Stripe as a process of this machine, unless a key of the real one was given."""
    from config import processes

    if os.environ.get("STRIPE_SECRET_KEY"):
        return []
    port = processes.free_port()
    given = ["--port", str(port), "--books", str(DATA / "stripe.json"), "--secret", STRIPE_SECRET]
    given += ["--webhook", f"http://localhost:{PORT}/webhooks/stripe/"]
    child = processes.start_child((*processes.STRIPE, *given), environment(), LOG)
    record(stripe=child.pid)
    _stripe["STRIPE_SECRET_KEY"] = "sk_test_" + "demonstration" * 2
    _stripe["STRIPE_WEBHOOK_SECRET"] = STRIPE_SECRET
    _stripe["PLATFORM_SHOP"] = PLATFORM_SHOP
    _stripe["STRIPE_API_HOST"] = f"http://127.0.0.1:{port}"
    processes.wait_until_listening(port, child)
    return [child]


def for_phone() -> tuple[str, tuple[str, ...]]:
    """Under which host a phone finds us, and the command of a second web server for it. The
    authority that vouches for it is handed out to whoever asks."""
    from config import phone, processes

    try:
        host = phone.host_for(PHONE)
    except phone.NotHere as error:
        raise CannotStart(str(error)) from error
    files = phone.certify(DATA / "phone", host)
    phone.hand_out(files.authority, PHONE_PORT + 1)
    return host, phone.served(processes.WEB, files, PHONE_PORT)


def serve(children: list["subprocess.Popen[bytes]"]) -> None:
    """Web and worker until one ends or somebody stops us; ``children`` run already."""
    from config import processes

    first = {"stripe": children[0].pid} if children else {}
    ours: dict[str, subprocess.Popen[bytes]] = {}
    try:
        say("serveur web et travailleur")
        wanted = {"web": processes.WEB, "worker": processes.WORKER}
        host = ""
        if PHONE:
            host, wanted["phone"] = for_phone()
        for name, command in wanted.items():
            ours[name] = processes.start_child(command, environment(), LOG)
            record(**first, **{name: child.pid for name, child in ours.items()})
        processes.wait_until_ready(PORT, ours.values())
        welcome()
        if host:
            manage("open_to_phone", host, str(PHONE_PORT))
        say("prêt. Ctrl-C arrête tout.")
        while all(child.poll() is None for child in [*children, *ours.values()]):
            time.sleep(0.5)
        raise CannotStart(f"Un processus s’est arrêté ; les dernières lignes sont dans {LOG}.")
    except processes.NotReady as error:
        raise CannotStart(f"{error} ; les dernières lignes sont dans {LOG}.") from error
    finally:
        processes.stop_children(ours.values())


def welcome() -> None:
    from apps.ops.demo.accounts import PASSWORD, PEOPLE, PIN, TOTP_SECRET, code_now

    played = []
    if _stripe:
        played.append(f"  Comptoir lui-même   http://{PLATFORM_SHOP}.localhost:{PORT}/")
        played.append(f"  Horloge de Stripe   {_stripe['STRIPE_API_HOST']}/")
    roles = {"owner": "propriétaire", "manager": "responsable", "helper": "vendeuse"}
    lines = [
        "",
        f"  La plateforme       http://localhost:{PORT}/",
        f"  Cave du Marché      http://cave.localhost:{PORT}/      équipe : /gestion/",
        f"  Café des Halles     http://cafe.localhost:{PORT}/      comptoir : /comptoir/",
        f"  Semelle Neuve       http://sneakers.localhost:{PORT}/",
        *played,
        f"  Administration      http://admin.localhost:{PORT}/",
        f"  SMS et e-mails      http://localhost:{PORT}/boite/",
        "",
        f"  Mot de passe de toutes ces personnes : {PASSWORD}",
        f"  Leur code sur un téléphone de la boutique (Équipe → Relier) : {PIN}",
    ]
    for person in PEOPLE:
        at = ", ".join(f"{roles[role]} ({slug})" for slug, role in person.roles.items())
        lines.append(f"    {person.email:<20} {person.name:<16} {at or 'équipe de la plateforme'}")
    lines += [
        f"  Second facteur de l’équipe : clé {TOTP_SECRET}, code du moment {code_now()}",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _stop(signum: int, frame: FrameType | None) -> None:
    # A second Ctrl-C while we stop would leave half of it running.
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    raise Stop


def run() -> int:
    ours, children = False, list[subprocess.Popen[bytes]]()
    try:
        DATA.mkdir(parents=True, exist_ok=True)
        recover()
        from config.processes import port_is_free, stop_children

        ports = (PORT, PHONE_PORT, PHONE_PORT + 1) if PHONE else (PORT,)
        taken = next((port for port in ports if not port_is_free(port)), None)
        if taken:
            raise CannotStart(
                f"Le port {taken} est pris par un autre programme. Libérez-le, ou choisissez-en "
                f"un autre : PORT={PORT + 1} make demo"
            )
        record()
        ours = not given_database()
        children = play_stripe()
        prepare(ours)
        serve(children)
    except Stop:
        say("arrêt demandé")
        return 0
    except CannotStart as error:
        say(f"Impossible de continuer. {error}")
        return 1
    finally:
        if children:
            stop_children(children)
        if ours:
            from config import embedded

            if embedded.socket_folder(POSTGRES):
                embedded.stop(POSTGRES)
                say("PostgreSQL arrêté")
            STATE.unlink(missing_ok=True)
    return 0


def main() -> None:
    say("Comptoir : la démonstration se prépare")
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _stop)
    raise SystemExit(run())


if __name__ == "__main__":
    main()
