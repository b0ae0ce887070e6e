"""Web and worker as child processes that never outlive their parent: for the demo and the tests."""

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
_PR_SET_PDEATHSIG = 1

WEB = (sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi")
WORKER = (sys.executable, "manage.py", "run_worker")
STRIPE = (sys.executable, "-m", "tests.peers.stripe")  # plays Stripe on this machine


class NotReady(RuntimeError):
    """A child ended, or the pages did not answer in time; the text says which."""


def _die_with_parent() -> None:
    # Linux alone tells a child that its parent was killed; elsewhere the pid file must do.
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start_child(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start ``command`` at the project's root in a session of its own, logging to ``log``.

    Its own session: Ctrl-C in a terminal reaches the launcher, which stops its children in order.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # it takes no lock
        )


def stop_children(children: Iterable[subprocess.Popen[bytes]], patience: float = 15) -> None:
    """SIGTERM to all, time to finish what they hold, then SIGKILL to what is left of them."""
    children = list(children)
    for child in children:
        if child.poll() is None:
            child.terminate()
    end = time.monotonic() + patience
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, end - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def free_port() -> int:
    """A port where nobody listens, below those that systems give to whoever calls out: it is
    still free when somebody listens there a minute later."""
    while not port_is_free(port := 20_000 + secrets.randbelow(12_000)):
        pass
    return port


def port_is_free(port: int) -> bool:
    """Whether nobody listens on ``port`` of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_listening(port: int, child: "subprocess.Popen[bytes]", patience: float = 30) -> None:
    """Return when ``child`` takes connections on ``port``. Raises ``NotReady``."""
    end = time.monotonic() + patience
    while port_is_free(port):
        if child.poll() is not None or time.monotonic() > end:
            raise NotReady("un processus n’a pas démarré")
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:  # noqa: S310  # our own address
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def wait_until_ready(
    port: int, children: Iterable[subprocess.Popen[bytes]], patience: float = 60
) -> None:
    """Return when ``/health/ready`` answers. Raises ``NotReady``."""
    children = list(children)
    end = time.monotonic() + patience
    while not answers(f"http://127.0.0.1:{port}/health/ready"):
        for child in children:
            if child.poll() is not None:
                raise NotReady(f"un processus s’est arrêté (code {child.returncode})")
        if time.monotonic() > end:
            raise NotReady(f"aucune réponse après {patience:.0f} secondes")
        time.sleep(0.05)
