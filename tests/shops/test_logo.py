"""A logo: a small WebP that we drew ourselves, or a French refusal."""

import io

import pytest
from django.conf import settings as project
from django.core.files import storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from apps.audit.models import Entry
from apps.shops.models import Shop

pytestmark = pytest.mark.django_db
ADDRESS = "/gestion/reglages/apparence/logo/"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def picture(kind="PNG", size=(900, 300), colour="#6d1a36", **more):
    kept = io.BytesIO()
    Image.new("RGB", size, colour).save(kept, kind, **more)
    return SimpleUploadedFile(f"logo.{kind.lower()}", kept.getvalue())


def send(client, file):
    return client.post(ADDRESS, {"logo": file})


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_becomes_a_small_webp_under_the_hash_of_its_content(
    owner_client, shop, kind, visitor
):
    assert send(owner_client, picture(kind)).status_code == 302
    kept = Shop.objects.get(pk=shop.pk)
    assert kept.logo.startswith(f"{shop.schema_name}/")
    with storage.default_storage.open(kept.logo) as file, Image.open(file) as image:
        assert (image.format, image.size) == ("WEBP", (512, 171))
    served = visitor.get(kept.logo_url)
    assert served["Content-Type"] == "image/webp"
    assert "immutable" in served["Cache-Control"]
    served.close()


def test_nothing_of_the_file_but_its_pixels_is_kept(owner_client, shop):
    exif = Image.Exif()
    exif[0x010E] = "Chez Hélène, 3 place Carnot"
    send(owner_client, picture("JPEG", exif=exif))
    with storage.default_storage.open(Shop.objects.get(pk=shop.pk).logo) as file:
        content = file.read()
    assert b"Carnot" not in content
    assert b"EXIF" not in content


@pytest.mark.parametrize(
    "content",
    [
        SVG,
        b"",
        b"GIF89a" + b"0" * 40,
        b"\x89PNG\r\n\x1a\n" + b"broken" * 9,
        b"%PDF-1.7",
        b"\xff\xd8",
    ],
)
def test_what_is_no_picture_is_refused_in_french(owner_client, shop, content):
    answer = send(owner_client, SimpleUploadedFile("logo.png", content))
    assert answer.status_code == 422
    assert Shop.objects.get(pk=shop.pk).logo == ""
    if content:
        assert "PNG, JPEG ou WebP lisible" in answer.content.decode()


def test_a_picture_that_unfolds_without_end_is_refused_before_it_is_drawn(owner_client):
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    answer = send(owner_client, SimpleUploadedFile("logo.png", bomb.getvalue()))
    assert answer.status_code == 422


def test_fifty_megabytes_are_refused_before_they_are_read(owner_client, shop, tmp_path):
    answer = send(owner_client, SimpleUploadedFile("logo.png", b"0" * 50_000_000))
    assert answer.status_code == 413
    assert "trop lourd" in answer.content.decode()
    assert not list(tmp_path.iterdir())


def test_a_little_more_than_five_megabytes_is_refused_too(owner_client):
    size = project.MAX_LOGO_BYTES + 1
    answer = send(owner_client, SimpleUploadedFile("logo.png", b"0" * size))
    assert answer.status_code == 413
    assert "5" in answer.content.decode()


def test_a_heavy_body_is_refused_on_any_address(visitor, settings):
    settings.MAX_BODY_BYTES = 1000
    answer = visitor.post("/langue/", {"langue": "en" * 1000})
    assert answer.status_code == 413


def test_the_logo_is_taken_off_and_its_file_with_it(
    owner_client, shop, run_jobs, django_capture_on_commit_callbacks
):
    send(owner_client, picture())
    name = Shop.objects.get(pk=shop.pk).logo
    with django_capture_on_commit_callbacks(execute=True):
        assert owner_client.post(ADDRESS, {"remove": "1"}).status_code == 302
    assert Shop.objects.get(pk=shop.pk).logo == ""
    assert not storage.default_storage.exists(name)
    run_jobs()
    assert Entry.objects.filter(verb="shop.logo").count() == 2


def test_another_shops_logo_is_not_served_here(owner_client, shop, other_shop, visitor):
    send(owner_client, picture())
    name = Shop.objects.get(pk=shop.pk).logo
    Shop.objects.filter(pk=shop.pk).update(logo="")
    assert visitor.get(f"/logo/{name.rpartition('/')[2]}").status_code == 404
