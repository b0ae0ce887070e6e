"""An independent reader of a pass: knows Apple's format and nothing of this project."""

import hashlib
import io
import json
import struct
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n"
NEEDED = {"icon.png", "icon@2x.png", "icon@3x.png"}
STRIP = {"strip.png": (375, 144), "strip@2x.png": (750, 288), "strip@3x.png": (1125, 432)}
ICON = {"icon.png": 29, "icon@2x.png": 58, "icon@3x.png": 87}
KEYS = {
    *("formatVersion", "passTypeIdentifier", "teamIdentifier", "serialNumber"),
    *("organizationName", "description", "storeCard"),
}
FIELDS = ("headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields")


@dataclass
class Read:
    files: dict[str, bytes]

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.files["pass.json"])

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        card = self.json["storeCard"]
        return {field["key"]: field for group in FIELDS for field in card.get(group, [])}

    def words(self, code: str) -> dict[str, str]:
        """What the pass says in that language, by what it says in French."""
        text = self.files[f"{code}.lproj/pass.strings"].decode("utf-16")
        pairs = (line.split('" = "') for line in text.splitlines() if line.endswith('";'))
        return {fr.removeprefix('"'): to.removesuffix('";') for fr, to in pairs}


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    assert png[12:16] == b"IHDR"
    return struct.unpack(">II", png[16:24])


def read_pass(data: bytes) -> Read:
    """The pass, everything about it checked but who signed it."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
        assert len(names) == len(set(names))
        files = {name: opened.read(name) for name in names}
    manifest = json.loads(files["manifest.json"])
    assert set(manifest) == set(files) - {"manifest.json", "signature"}
    for name, told in manifest.items():
        assert hashlib.sha1(files[name]).hexdigest() == told, name
    assert set(files) >= NEEDED
    for name, side in ICON.items():
        assert size_of(files[name]) == (side, side)
    for scale in (1, 2, 3):
        name = f"logo@{scale}x.png" if scale > 1 else "logo.png"
        if name in files:
            width, height = size_of(files[name])
            assert width <= 160 * scale
            assert height <= 50 * scale
    for name in STRIP.keys() & files.keys():
        assert size_of(files[name]) == STRIP[name]
    found = Read(files)
    _check_json(found.json)
    return found


def _check_json(said: dict[str, Any]) -> None:
    assert said.keys() >= KEYS
    assert said["formatVersion"] == 1
    assert ("webServiceURL" in said) == ("authenticationToken" in said)
    assert len(said["authenticationToken"]) >= 16
    for code in said.get("barcodes", []):
        assert code["format"] == "PKBarcodeFormatQR"
        code["message"].encode(code["messageEncoding"])
    seen = [field["key"] for group in FIELDS for field in said["storeCard"].get(group, [])]
    assert len(seen) == len(set(seen)), "a key is given once in the whole pass"
    for group in said["storeCard"].values():
        for field in group:
            assert isinstance(field["value"], str)
            assert "%@" in field.get("changeMessage", "%@")


def openssl_verifies(read: Read, root: bytes, folder: Path) -> subprocess.CompletedProcess[str]:
    """What ``openssl smime`` says of the detached signature, trusting ``root`` alone."""
    for name, data in {
        "manifest.json": read.files["manifest.json"],
        "signature": read.files["signature"],
        "root.pem": root,
    }.items():
        (folder / name).write_bytes(data)
    command = ["openssl", "smime", "-verify", "-binary", "-inform", "DER", "-in", "signature"]
    command += ["-content", "manifest.json", "-CAfile", "root.pem", "-purpose", "any"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
