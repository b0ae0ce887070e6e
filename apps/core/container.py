"""A file that must be whole in ten years: a plain zip, sealed by one checksum of it all.

Members are streamed, each with its own SHA-256 and count in ``manifest.json``, the last member.
The zip's comment, the very last bytes, is the SHA-256 of every byte before it: a single flipped
byte anywhere, headers included, is seen before anything is believed.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal

BLOCK = 1 << 18
MANIFEST = "manifest.json"
_SEAL = b"sha256:"
_SEAL_LENGTH = len(_SEAL) + 64
# zipfile writes the comment last and alone: the sealing stream knows it by this and puts the
# checksum in its place, once all other bytes have passed.
_PLACE = _SEAL + b"?" * 64


class Damaged(Refusal):
    message = _(
        "Fichier abîmé ou incomplet (%(what)s) : rien n’a été écrit. Reprenez une autre copie."
    )
    status = 422


class _Sealing:
    """Passes bytes on and hashes them. Without ``tell``, zipfile streams and never seeks back."""

    def __init__(self, raw: IO[bytes]) -> None:
        self.raw = raw
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        if data == _PLACE:
            data = _SEAL + self.digest.hexdigest().encode()
        self.digest.update(data)
        self.raw.write(data)
        return len(data)

    def flush(self) -> None:
        self.raw.flush()


class Writer:
    """Writes members one after another, in constant memory. ``close`` writes manifest and seal."""

    def __init__(self, raw: IO[bytes]) -> None:
        stream: Any = _Sealing(raw)
        # Level 1: three times as fast as the default, for a fifth more bytes.
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._zip.comment = _PLACE
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, blocks: Iterable[bytes | memoryview]) -> dict[str, Any]:
        """Stream one member; returns its line of the manifest (``bytes``, ``sha256``), which the
        caller may say more in."""
        digest, size, waiting = hashlib.sha256(), 0, bytearray()
        with self._zip.open(name, "w", force_zip64=True) as member:
            for block in blocks:
                waiting += block
                if len(waiting) >= BLOCK:
                    digest.update(waiting)
                    size += member.write(waiting)
                    waiting = bytearray()
            digest.update(waiting)
            size += member.write(waiting)
        self.members[name] = {"bytes": size, "sha256": digest.hexdigest()}
        return self.members[name]

    def add_lines(self, name: str, rows: Iterable[dict[str, Any]]) -> int:
        """Stream rows as JSON, one a line; returns how many."""
        count = 0

        def lines() -> Iterator[bytes]:
            nonlocal count
            for row in rows:
                count += 1
                yield json.dumps(row, ensure_ascii=False).encode() + b"\n"

        line = self.add(name, lines())
        line["rows"] = count
        return count

    def close(self, manifest: dict[str, Any]) -> None:
        text = json.dumps({**manifest, "members": self.members}, ensure_ascii=False, indent=1)
        self._zip.writestr(MANIFEST, text)
        self._zip.close()

    def abandon(self) -> None:
        """Nothing more is written, not even the end: what is there is no archive."""
        self._zip.fp = None


class Reader:
    """Reads a sealed file. Opening it verifies the seal. Raises ``Damaged``."""

    def __init__(self, raw: IO[bytes]) -> None:
        _check_seal(raw)
        try:
            self._zip = zipfile.ZipFile(raw)
            self.manifest: dict[str, Any] = json.loads(self._zip.read(MANIFEST))
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise Damaged(what="contenu illisible") from error
        self.members: dict[str, dict[str, Any]] = self.manifest["members"]
        if set(self._zip.namelist()) != {*self.members, MANIFEST}:
            raise Damaged(what="membres absents ou en trop")

    def blocks(self, name: str) -> Iterator[bytes]:
        """The member's bytes; raises ``Damaged`` at the end when they are not those written."""
        digest = hashlib.sha256()
        with self._zip.open(name) as member:
            while block := member.read(BLOCK):
                digest.update(block)
                yield block
        if digest.hexdigest() != self.members[name]["sha256"]:
            raise Damaged(what=name)

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """The rows of a member written by ``add_lines``."""
        rest = b""
        for block in self.blocks(name):
            *whole, rest = (rest + block).split(b"\n")
            yield from (json.loads(line) for line in whole)

    def verify(self) -> None:
        """Read every member through. Raises ``Damaged``."""
        for name in self.members:
            for _block in self.blocks(name):
                pass


def _check_seal(raw: IO[bytes]) -> None:
    raw.seek(0, 2)
    size = raw.tell()  # not what seek returns: a storage's own file may return nothing
    if size <= _SEAL_LENGTH:
        raise Damaged(what="trop court")
    digest, left = hashlib.sha256(), size - _SEAL_LENGTH
    raw.seek(0)
    while left and (block := raw.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    if raw.read() != _SEAL + digest.hexdigest().encode():
        raise Damaged(what="somme de contrôle")
