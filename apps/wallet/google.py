"""The pass in Google's words: a class for the shop, an object for each pass."""

import hashlib
import json
from typing import Any

from apps.shops.models import Shop
from apps.wallet.faces import Face, Line, Words, lines_of, words
from apps.wallet.models import GoogleObject
from apps.wallet.pictures import address_of

Body = dict[str, Any]


def class_id(shop: Shop, issuer: str) -> str:
    return f"{issuer}.{shop.schema_name}"


def object_id(kept: GoogleObject) -> str:
    return f"{kept.issuer}.{kept.held.serial}"


def class_of(shop: Shop, issuer: str) -> Body:
    """What all passes of the shop have in common."""
    return {
        "id": class_id(shop, issuer),
        "issuerName": shop.name,
        "programName": shop.name,
        "programLogo": _image(shop, "emblem", shop.name),
        "hexBackgroundColor": shop.accent,
        "countryCode": "FR",
        "reviewStatus": "UNDER_REVIEW",  # what Google asks of each change, also of one it approved
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
    }


def digest(body: Body) -> str:
    """Changes when what it says does."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def object_of(kept: GoogleObject, shop: Shop, *, notify: bool) -> Body:
    """``notify``: whoever holds it reads on their phone that it has changed."""
    face = Face.of_json(kept.held.face)
    points, lines = (face.head or face.front)[0], face.front + face.below
    body: Body = {
        "id": object_id(kept),
        "classId": class_id(shop, kept.issuer),
        "state": "ACTIVE" if face.code else "INACTIVE",
        "accountId": face.under_code["fr"],
        "loyaltyPoints": {
            "label": points.label["fr"],
            "localizedLabel": _said(points.label),
            "balance": {"string": points.value["fr"]},
        },
        "textModulesData": [_module(line) for line in [*lines, *lines_of(shop)]],
        "linksModuleData": {"uris": _links(face)},
    }
    if face.code:
        under = face.under_code["fr"]
        body["barcode"] = {"type": "QR_CODE", "value": face.code, "alternateText": under}
    if face.places:
        gifts = ".".join(str(at) for at in face.gifts)
        strip = f"strip-{face.places}-{face.filled}-{gifts}"
        body["heroImage"] = _image(shop, strip, points.value["fr"])
    if notify:
        body["notifyPreference"] = "NOTIFY_ON_UPDATE"
    return body


def _said(told: Words) -> Body:
    others = [{"language": code, "value": text} for code, text in told.items() if code != "fr"]
    default = {"language": "fr", "value": told["fr"]}
    return {"defaultValue": default, "translatedValues": others}


def _module(line: Line) -> Body:
    return {
        "id": line.key,
        "localizedHeader": _said(line.label),
        "localizedBody": _said(line.value),
    }


def _links(face: Face) -> list[Body]:
    return [
        {"id": line.key, "uri": line.value["fr"], "localizedDescription": _said(line.label)}
        for line in face.back
        if line.value["fr"].startswith("http")
    ]


def _image(shop: Shop, what: str, told: str) -> Body:
    uri = shop.url + address_of(shop, what)
    return {"sourceUri": {"uri": uri}, "contentDescription": _said(words(told))}
