"""A product's photo: drawn by the worker, in three sizes, without anything but its pixels."""

import io

import pytest
from django.core.files import storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from apps.catalog.details import Kind
from apps.catalog.models import Product
from apps.catalog.services.photos import SIZES, stored_name
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.core.actor import Actor


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def product(shop) -> Product:
    words = ProductWords("Fleurie", Kind.WINE, [VariantWords(1490)])
    return save_product(words, by=Actor("team", 1), now=timezone.now())


def picture(colour: str = "#6d1a36", kind: str = "JPEG", **more) -> SimpleUploadedFile:
    kept = io.BytesIO()
    Image.new("RGB", (3000, 2000), colour).save(kept, kind, **more)
    return SimpleUploadedFile("photo.jpg", kept.getvalue())


def send(client, product, file):
    return client.post(reverse("product_photo", args=[product.pk]), {"photo": file})


def files(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_photo_is_drawn_in_three_sizes_and_the_original_is_gone(
    owner_client, product, run_jobs, tmp_path, visitor
):
    waiting = send(owner_client, product, picture())
    assert waiting.status_code == 302
    page = owner_client.get(reverse("product", args=[product.pk])).content.decode()
    assert "La photo se prépare" in page
    run_jobs()
    product.refresh_from_db()
    assert files(tmp_path) == sorted(f"{product.image}-{size}.webp" for size in SIZES)
    for size, edge in SIZES.items():
        served = visitor.get(product.photo_url(size))
        assert "immutable" in served["Cache-Control"]
        with Image.open(io.BytesIO(b"".join(served.streaming_content))) as image:
            assert (image.format, max(image.size)) == ("WEBP", edge)


def test_where_the_photo_was_taken_is_not_kept(owner_client, product, run_jobs):
    exif = Image.Exif()
    exif[0x010E] = "Chez Hélène, 3 place Carnot"
    send(owner_client, product, picture(exif=exif))
    run_jobs()
    product.refresh_from_db()
    with storage.default_storage.open(stored_name(product.image, "l")) as file:
        content = file.read()
    assert b"Carnot" not in content
    assert b"EXIF" not in content


def test_a_second_photo_replaces_the_first_and_its_files(owner_client, product, run_jobs, tmp_path):
    send(owner_client, product, picture())
    run_jobs()
    send(owner_client, product, picture("#1a6d36"))
    product.refresh_from_db()
    first = product.image
    assert first, "the old one shows until the new one is drawn"
    run_jobs()
    product.refresh_from_db()
    assert product.image != first


def test_two_photos_in_a_row_leave_the_last_one(owner_client, product, run_jobs, tmp_path):
    send(owner_client, product, picture())
    send(owner_client, product, picture("#1a6d36"))
    run_jobs()
    product.refresh_from_db()
    assert product.drawing == ""
    assert len(files(tmp_path)) == len(SIZES)


def test_a_photo_is_taken_off(owner_client, product, run_jobs):
    send(owner_client, product, picture())
    run_jobs()
    owner_client.post(reverse("product_photo", args=[product.pk]), {"remove": "1"})
    product.refresh_from_db()
    assert product.image == ""


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"<svg/>", b"\xff\xd8\xff\xe0broken"])
def test_what_is_no_photo_is_refused_in_words(owner_client, product, content):
    answer = send(owner_client, product, SimpleUploadedFile("photo.jpg", content))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()


def test_a_photo_cut_off_in_the_middle_is_dropped_without_harm(owner_client, product, run_jobs):
    whole = picture(quality=95).read()
    cut = SimpleUploadedFile("photo.jpg", whole[: len(whole) // 2])
    assert send(owner_client, product, cut).status_code == 302
    run_jobs()
    product.refresh_from_db()
    assert (product.image, product.drawing) == ("", "")


def test_a_photo_of_another_shop_is_not_served(owner_client, product, run_jobs, other_shop):
    send(owner_client, product, picture())
    run_jobs()
    product.refresh_from_db()
    from tests.conftest import ShopClient

    neighbour = ShopClient(other_shop)
    assert neighbour.get(product.photo_url("m")).status_code == 404


@pytest.mark.parametrize("path", ["/photo/x-m.webp", "/photo/..%2f..%2fsecret-m.webp"])
def test_a_photo_nobody_has_is_a_plain_404(visitor, path):
    assert visitor.get(path).status_code == 404
