"""A phone of the shop, as the tests hold it: paired by a code, somebody at it by their PIN."""

from typing import Any

from django.utils import timezone

from apps.accounts import devices, pins
from apps.accounts.models import Device, Membership, Pin, User
from apps.shops.models import Shop
from tests.conftest import ShopClient

DIGITS = "4839"


def offered(by: User, name: str = "Téléphone du comptoir") -> Device:
    member = Membership.objects.get(user=by)
    return devices.offer(by=member, name=name, now=timezone.now())


def pin_of(user: User, digits: str = DIGITS) -> Pin:
    pins.choose(by=Membership.objects.get(user=user), digits=digits, now=timezone.now())
    return Pin.objects.get(user=user)


class Phone(ShopClient):
    """A browser that has never been here; ``pair`` and ``enter`` are what a thumb does."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop, REMOTE_ADDR="192.0.2.7")

    def pair(self, code: str) -> Any:
        return self.post("/comptoir/relier/", {"code": code})

    def type(self, pin: Pin, digits: str = DIGITS, *, to: str = "") -> Any:
        return self.post(f"/comptoir/qui/{pin.pk}/?vers={to}", {"pin": digits})


def paired(shop: Shop, by: User) -> Phone:
    phone = Phone(shop)
    assert phone.pair(offered(by).code).status_code == 302
    return phone
