"""The README says every room and every package, and nothing that is gone."""

import re

from tests.environment import ROOT
from tests.house.test_shape import ROOMS

README = (ROOT / "README.md").read_text()


def test_every_room_is_on_the_map():
    plan = README.split("### The map of rooms")[1].split("In a room:")[0]
    named = set(re.findall(r"^    ([a-z]+(?: · [a-z]+)?) ", plan, re.MULTILINE))
    assert {room for line in named for room in line.split(" · ")} == set(ROOMS)


def test_every_package_has_its_reason():
    wanted = {
        re.split(r"[\[~=<> ]", line)[0].lower()
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if line and not line.startswith("#")
    }
    table = README.split("## Why each package")[1]
    rows = re.findall(r"^\| ([\w, -]+?) \|", table, re.MULTILINE)
    named = {name.lower() for row in rows for name in row.split(", ")} - {"package"}
    assert named - {"---"} == wanted


def test_every_path_and_picture_exists():
    for path in re.findall(r"`((?:apps|config|tests|static)/[\w./]+)`", README):
        assert (ROOT / path).exists(), path
    for picture in re.findall(r'src="([^"]+)"', README):
        assert (ROOT / picture).stat().st_size <= 60_000, picture
