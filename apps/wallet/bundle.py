"""The file a phone keeps: ``pass.json``, its words and pictures, a manifest, and who signed it.

A ``.pkpass`` is a zip; ``manifest.json`` has the SHA-1 of each file (Apple asks for no better),
``signature`` is a detached CMS over the manifest, with the signer's certificate and Apple's
intermediate in it.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)
from django.conf import settings

from apps.shops.models import Shop
from apps.shops.theme import ink_on
from apps.wallet.faces import Face, Line, Words, lines_of
from apps.wallet.identities import Identity
from apps.wallet.models import Pass
from apps.wallet.pictures import pictures_of

CONTENT_TYPE = "application/vnd.apple.pkpass"
WEB_SERVICE = "/wallet/"
_MADE_AT = (2026, 1, 1, 0, 0, 0)  # in the zip: the same pass is the same bytes


def bundle(held: Pass, shop: Shop, identity: Identity) -> bytes:
    """The signed pass of ``held``, as ``identity`` signs it."""
    face = Face.of_json(held.face)
    face.back.extend(_lines_of(shop))
    texts = {"pass.json": json.dumps(_pass(held, face, shop, identity)).encode()}
    texts |= {f"{code}.lproj/pass.strings": _strings(face, code) for code, _name in _languages()}
    pictures = pictures_of(shop, face.places, face.filled, face.gifts)
    sums = {name: _sha1(data) for name, data in texts.items()}
    sums |= {name: _sha1_of_picture(data) for name, data in pictures.items()}
    manifest = json.dumps(sums).encode()
    signed = {"manifest.json": manifest, "signature": _signature(manifest, identity)}
    return _zip({**texts, **pictures, **signed})


def _languages() -> list[tuple[str, str]]:
    return list(settings.LANGUAGES)


def _lines_of(shop: Shop) -> list[Line]:
    """Drawn up once for what they say: the three languages take a millisecond."""
    said = (shop.street, shop.postal_code, shop.city, shop.phone, shop.opening_hours)
    return _kept_lines(*said, bool(shop.sells_alcohol))


@lru_cache(maxsize=512)
def _kept_lines(*said: Any) -> list[Line]:
    names = ("street", "postal_code", "city", "phone", "opening_hours", "sells_alcohol")
    return lines_of(Shop(**dict(zip(names, said, strict=True))))


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


_sha1_of_picture = lru_cache(maxsize=4096)(_sha1)


def _pass(held: Pass, face: Face, shop: Shop, identity: Identity) -> dict[str, Any]:
    ink = _rgb(ink_on(shop.accent))
    # Without a picture the first line stands large in its place.
    large, front = ([], face.front) if face.places else (face.front[:1], face.front[1:])
    card = {
        "headerFields": _fields(face.head),
        "primaryFields": _fields(large),
        "secondaryFields": _fields(front),
        "auxiliaryFields": _fields(face.below),
        "backFields": _fields(face.back),
    }
    return {
        "formatVersion": 1,
        "passTypeIdentifier": identity.pass_type,
        "teamIdentifier": identity.team,
        "serialNumber": held.serial,
        "organizationName": shop.name,
        "description": face.title["fr"],
        "logoText": shop.name,
        "backgroundColor": _rgb(shop.accent),
        "foregroundColor": ink,
        "labelColor": ink,
        "webServiceURL": f"{shop.url}{WEB_SERVICE}",
        "authenticationToken": held.secret,
        "sharingProhibited": True,  # whoever shows the code is stamped
        **_code(face),
        "storeCard": {name: fields for name, fields in card.items() if fields},
    }


def _code(face: Face) -> dict[str, Any]:
    if not face.code:
        return {"voided": True}
    code = {
        "format": "PKBarcodeFormatQR",
        "message": face.code,
        "messageEncoding": "iso-8859-1",
        "altText": face.under_code["fr"],
    }
    return {"barcodes": [code]}


def _rgb(colour: str) -> str:
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgb({r}, {g}, {b})"


def _fields(lines: list[Line]) -> list[dict[str, Any]]:
    return [
        {
            "key": line.key,
            "label": line.label["fr"],
            "value": line.value["fr"],
            **({"changeMessage": "%@"} if line.tells else {}),
        }
        for line in lines
    ]


def _strings(face: Face, code: str) -> bytes:
    """What ``pass.json`` says in French, in another language.

    French has its own, empty: without it a French phone would take the first language it finds.
    """
    words: list[Words] = [face.title, face.under_code]
    words += [said for line in face.lines for said in (line.label, line.value)]
    told = {said["fr"]: said.get(code, said["fr"]) for said in words}
    lines = [f'"{_quoted(fr)}" = "{_quoted(to)}";\n' for fr, to in told.items() if fr != to]
    return "".join(lines or ["/* comme dans pass.json */\n"]).encode("utf-16")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _signature(manifest: bytes, identity: Identity) -> bytes:
    builder = PKCS7SignatureBuilder().set_data(manifest)
    builder = builder.add_signer(identity.certificate, identity.key, SHA256())
    builder = builder.add_certificate(identity.intermediate)
    return builder.sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:  # stored: the pictures are small already
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name, _MADE_AT), data)
    return buffer.getvalue()
