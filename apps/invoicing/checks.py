"""The checks an invoice's XML passes before it leaves: its schema here, its business rules
(Schematron: EN 16931, and between French companies ``fr-ctc``) in a child process. What fails, and
a check that could not be made, raise: nothing is ever taken for checked that was not."""

import atexit
import json
import select
import subprocess
import sys
from threading import Lock

from django.conf import settings
from facturx import xml_check_xsd

PATIENCE = 30  # seconds for one answer, the child's start included
MOST_CHECKED = 400  # then a fresh child takes its place: Saxon keeps some of what it read


class InvalidInvoice(Exception):
    """The XML breaks a rule; ``reason`` quotes the first ones."""

    def __init__(self, rules: list[str]) -> None:
        self.reason = " ".join(rules)[:600]
        super().__init__("invalid invoice")


class CheckAbsent(Exception):
    """A check could not be made."""

    reason = "Le contrôle de la norme n’a pas pu se faire : il sera refait."


class _Child:
    """One process of ``schematron``, started when it is needed and again when it is gone."""

    def __init__(self) -> None:
        self.lock, self.checked = Lock(), 0
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, rules: str, xml: bytes) -> list[str]:
        with self.lock:
            try:
                return self._ask(self._alive(), rules, xml)
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                self.end()
                raise CheckAbsent() from error

    def _alive(self) -> subprocess.Popen[bytes]:
        if self.process and (self.process.poll() is not None or self.checked >= MOST_CHECKED):
            self.end()
        if self.process is None:
            self.checked = 0
            self.process = subprocess.Popen(
                [sys.executable, "-m", "apps.invoicing.schematron"],
                cwd=settings.BASE_DIR,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self.process

    def _ask(self, child: subprocess.Popen[bytes], rules: str, xml: bytes) -> list[str]:
        assert child.stdin
        assert child.stdout
        child.stdin.write(f"{rules} {len(xml)}\n".encode() + xml)
        child.stdin.flush()
        if not select.select([child.stdout], [], [], PATIENCE)[0]:
            raise subprocess.TimeoutExpired("schematron", PATIENCE)
        self.checked += 1
        answer = json.loads(child.stdout.readline())  # nothing, when it died: a ValueError
        return [str(one) for one in answer]

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


_child = _Child()
atexit.register(_child.end)


def check(xml: bytes, *, between_companies: bool) -> None:
    """Raises ``InvalidInvoice`` when a rule is broken, ``CheckAbsent`` when none could be asked."""
    try:
        xml_check_xsd(xml, flavor="factur-x", level="en16931")
    except Exception as error:  # the library raises it bare
        raise InvalidInvoice([str(error)]) from error
    for rules in ("en16931", *(["fr-ctc"] if between_companies else [])):
        if broken := _child.ask(rules, xml):
            raise InvalidInvoice(broken)
