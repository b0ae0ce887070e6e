"""The pages the law asks for, made of what the shop has said of itself."""

from apps.shops.models import Shop

FULL = {
    "legal_name": "SARL Cave du Marché",
    "siren": "732829320",
    "street": "3 place Carnot",
    "publisher": "Hélène Martin",
    "email": "bonjour@cave.exemple",
    "phone": "+33380220000",
}


def read(visitor, path):
    return visitor.get(path).content.decode().replace("\u202f", " ").replace("\u00a0", " ")


def test_who_publishes_and_who_hosts(visitor, shop, settings):
    Shop.objects.filter(pk=shop.pk).update(**FULL)
    page = read(visitor, "/mentions-legales/")
    for said in ("SARL Cave du Marché", "732 829 320", "3 place Carnot", "Hélène Martin"):
        assert said in page
    assert "03 80 22 00 00" in page
    assert settings.PLATFORM_HOSTING[:20] in page


def test_what_is_not_known_leaves_no_hole(visitor, shop):
    page = read(visitor, "/mentions-legales/")
    assert "Cave du Marché" in page
    assert "SIREN" not in page
    assert "None" not in page


def test_the_notice_says_what_rgpd_asks(visitor, shop):
    Shop.objects.filter(pk=shop.pk).update(**FULL)
    page = read(visitor, "/donnees-personnelles/")
    for said in (
        "SARL Cave du Marché",
        "exécution du contrat",
        "consentement",
        "obligation légale",
        "Trois ans",
        "effacer",
        "CNIL",
        "bonjour@cave.exemple",
        "hébergeur",
    ):
        assert said in page


def test_age_is_spoken_of_only_where_it_is_asked(visitor, shop):
    Shop.objects.filter(pk=shop.pk).update(sells_alcohol=False)
    assert "date de naissance" not in read(visitor, "/donnees-personnelles/")
