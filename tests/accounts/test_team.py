"""Who is asked into a shop's team, what each becomes, who leaves and who owns."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.utils import timezone

from apps.accounts import services, team
from apps.accounts.models import Invitation, Membership, PlatformMail, Session
from apps.audit.models import Entry
from apps.core.ratelimit import TooMany
from apps.core.roles import RIGHTS, Role
from apps.core.tenancy import in_schema
from apps.shops.models import Shop
from tests.conftest import ShopClient
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "une cave bien tenue"


@pytest.fixture
def owning(shop, owner):
    return Membership.objects.get(user=owner)


@pytest.fixture
def managing(shop, member):
    return Membership.objects.get(user=member(Role.MANAGER))


def proven(email):
    user = UserFactory(email=email)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def sign_in(platform, user):
    connection.set_schema_to_public()
    platform.force_login(user)
    return platform


def test_an_invited_person_joins_with_the_invited_address(
    owner_client, platform_client, shop, run_jobs, mailoutbox
):
    sent = owner_client.post(
        "/gestion/equipe/inviter/", {"email": "Lea@Exemple.fr", "role": "helper"}, follow=True
    )
    assert "Invitation envoyée" in sent.content.decode()
    run_jobs()
    invitation = Invitation.objects.get(email="lea@exemple.fr")
    link = f"/invitations/{invitation.token}/"
    assert link in mailoutbox[0].body
    stranger_page = platform_client.get(link).content.decode()
    assert "Créer mon compte" in stranger_page
    user = proven("lea@exemple.fr")
    sign_in(platform_client, user)
    assert "vous attend" in platform_client.get("/boutiques/").content.decode()
    with in_schema(shop.schema_name):
        assert Membership.objects.filter(user=user).count() == 0, "reading accepts nothing"
    accepted = platform_client.post(link)
    assert accepted["Location"] == f"{shop.url}/entree/?vers="
    with in_schema(shop.schema_name):
        assert Membership.objects.get(user=user).role == Role.HELPER
    assert platform_client.post(link).status_code == 410
    run_jobs()
    connection.set_tenant(shop)
    verbs = set(Entry.objects.values_list("verb", flat=True))
    assert {"team.invite", "team.join"} <= verbs


def test_an_invitation_writes_nobody_s_address_into_an_address(owning, platform_client):
    invitation = team.invite(by=owning, email="lea@exemple.fr", role=Role.HELPER)
    page = platform_client.get(f"/invitations/{invitation.token}/").content.decode()
    assert 'href="/inscription/?next=' in page
    assert "exemple.fr" not in page
    form = platform_client.get(f"/inscription/?next=/invitations/{invitation.token}/")
    assert "Rejoignez votre équipe." in form.content.decode()


def test_another_address_does_not_open_the_invitation(owning, platform_client):
    invitation = team.invite(by=owning, email="lea@exemple.fr", role=Role.HELPER)
    sign_in(platform_client, proven("autre@exemple.fr"))
    link = f"/invitations/{invitation.token}/"
    page = platform_client.get(link).content.decode()
    assert "autre adresse" in page
    assert "lea@exemple.fr" not in page.replace("lea%40", "")
    assert platform_client.post(link).status_code == 403


def test_an_address_that_is_not_proven_does_not_open_it(owning):
    invitation = team.invite(by=owning, email="lea@exemple.fr", role=Role.HELPER)
    user = UserFactory(email="lea@exemple.fr")
    EmailAddress.objects.create(user=user, email=user.email, verified=False, primary=True)
    with pytest.raises(team.AnotherAddress):
        team.accept(token=invitation.token, user=user)


def test_an_expired_or_withdrawn_invitation_says_so(owning, platform_client, shop):
    invitation = team.invite(by=owning, email="lea@exemple.fr", role=Role.HELPER)
    link = f"/invitations/{invitation.token}/"
    Invitation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    gone = platform_client.get(link)
    assert gone.status_code == 410
    assert "a expiré" in gone.content.decode()
    with in_schema(shop.schema_name):
        team.resend(by=owning, invitation_id=invitation.pk)
    assert platform_client.get(link).status_code == 200
    with in_schema(shop.schema_name):
        team.revoke(by=owning, invitation_id=invitation.pk)
    assert platform_client.get(link).status_code == 410
    assert platform_client.get("/invitations/inventee/").status_code == 410


def test_an_expired_invitation_gives_way_to_a_new_one(owning):
    first = team.invite(by=owning, email="lea@exemple.fr", role=Role.HELPER)
    with pytest.raises(team.AlreadyInvited):
        team.invite(by=owning, email="LEA@exemple.fr", role=Role.MANAGER)
    later = timezone.now() + timedelta(days=8)
    second = team.invite(by=owning, email="lea@exemple.fr", role=Role.MANAGER, now=later)
    assert first.pk != second.pk
    assert Invitation.objects.get(pk=first.pk).revoked_at


def test_who_is_in_is_not_invited_again(owning, helper):
    with pytest.raises(team.AlreadyInTheTeam):
        team.invite(by=owning, email=helper.email.upper(), role=Role.HELPER)


def test_a_manager_invites_helpers_and_nobody_else(managing):
    team.invite(by=managing, email="lea@exemple.fr", role=Role.HELPER)
    for role in (Role.MANAGER, Role.OWNER):
        with pytest.raises(team.NotYours):
            team.invite(by=managing, email="x@exemple.fr", role=role)


def test_a_manager_withdraws_no_invitation_of_a_manager(owning, managing):
    invitation = team.invite(by=owning, email="lea@exemple.fr", role=Role.MANAGER)
    with pytest.raises(team.NotYours):
        team.revoke(by=managing, invitation_id=invitation.pk)


def test_thirty_invitations_a_day_are_enough(owning):
    Shop.objects.filter(pk=owning.shop.pk).update(plan="")  # agreed apart: as many as they like
    for number in range(30):
        team.invite(by=owning, email=f"p{number}@exemple.fr", role=Role.HELPER)
    with pytest.raises(TooMany):
        team.invite(by=owning, email="encore@exemple.fr", role=Role.HELPER)


def test_the_owner_changes_roles_and_the_trail_keeps_both(owner_client, shop, helper, run_jobs):
    place = Membership.objects.get(user=helper)
    owner_client.post(f"/gestion/equipe/{place.pk}/role/", {"role": "manager"})
    assert Membership.objects.get(user=helper).role == Role.MANAGER
    run_jobs()
    line = Entry.objects.get(verb="team.role")
    assert (line.before, line.after) == ({"role": "helper"}, {"role": "manager"})


def test_owning_is_not_given_by_changing_a_role(owner_client, helper, owning):
    place = Membership.objects.get(user=helper)
    answer = owner_client.post(f"/gestion/equipe/{place.pk}/role/", {"role": "owner"})
    assert answer.status_code == 403
    with pytest.raises(team.OwnerStays):
        team.change_role(by=owning, membership_id=owning.pk, role=Role.HELPER)


def test_removing_asks_once_and_ends_the_sessions(owner_client, shop, helper):
    browser = ShopClient(shop).enter(helper)
    place = Membership.objects.get(user=helper)
    asked = owner_client.get(f"/gestion/equipe/{place.pk}/retirer/")
    assert "perd l’accès" in asked.content.decode()
    owner_client.post(f"/gestion/equipe/{place.pk}/retirer/")
    assert not Session.objects.filter(user_id=helper.pk, schema=shop.schema_name).exists()
    assert browser.get("/gestion/equipe/").status_code == 302


def test_a_manager_removes_no_manager_and_nobody_removes_the_owner(managing, owning, member):
    other = Membership.objects.get(user=member(Role.MANAGER))
    with pytest.raises(team.NotYours):
        team.remove(by=managing, membership_id=other.pk)
    with pytest.raises(team.OwnerStays):
        team.remove(by=managing, membership_id=owning.pk)


def test_a_helper_may_leave_by_themselves(helper_client, helper):
    place = Membership.objects.get(user=helper)
    assert helper_client.post(f"/gestion/equipe/{place.pk}/retirer/").status_code == 302
    assert not Membership.objects.filter(user=helper).exists()


def test_a_colleague_of_another_shop_is_out_of_reach(owner_client, other_shop):
    with in_schema(other_shop.schema_name):
        foreign = Membership.objects.create(shop=other_shop, user=UserFactory(), role=Role.HELPER)
        invitation = Invitation.objects.create(
            shop=other_shop, email="x@exemple.fr", role=Role.HELPER, invited_by=foreign.user
        )
    assert owner_client.post(f"/gestion/equipe/{foreign.pk}/retirer/").status_code == 404
    assert owner_client.post(f"/gestion/equipe/{foreign.pk}/role/").status_code == 404
    address = f"/gestion/equipe/invitations/{invitation.pk}/renvoyer/"
    assert owner_client.post(address).status_code == 410


def test_the_shop_is_ceded_with_its_name_and_a_password(
    owner_client, owner, helper, shop, run_jobs
):
    owner.set_password(PASSWORD)
    owner.save()
    browser = ShopClient(shop).enter(owner)
    place = Membership.objects.get(user=helper)
    form = {"to": place.pk, "name": "cave du marché", "proof": PASSWORD}
    address = "/gestion/equipe/ceder/"
    assert browser.post(address, {**form, "name": "Autre"}).status_code == 422
    assert browser.post(address, {**form, "proof": "faux"}).status_code == 422
    assert Membership.objects.get(user=owner).role == Role.OWNER
    assert browser.post(address, form).status_code == 302
    assert Membership.objects.get(user=helper).role == Role.OWNER
    assert Membership.objects.get(user=owner).role == Role.MANAGER
    assert PlatformMail.objects.filter(subject__contains="propriétaire").count() == 2
    assert browser.get(address).status_code == 403
    run_jobs()
    line = Entry.objects.get(verb="team.hand_over")
    assert (line.before, line.after) == ({"owner": owner.pk}, {"owner": helper.pk})


def test_guessing_the_proof_is_cut_short(owner):
    owner.set_password(PASSWORD)
    owner.save()
    for _ in range(5):
        with pytest.raises(services.NotProven):
            services.prove(owner, "faux")
    with pytest.raises(TooMany):
        services.prove(owner, PASSWORD)


def test_everyone_in_the_team_reads_who_may_do_what(helper_client, owner):
    page = helper_client.get("/gestion/equipe/").content.decode()
    for label, _ in RIGHTS.values():
        assert str(label) in page
    assert owner.email not in page, "a helper needs no colleague's address"
    assert "Envoyer l’invitation" not in page


def test_a_big_team_costs_no_more_questions(
    owner_client, shop, member, django_assert_max_num_queries
):
    for _ in range(12):
        member(Role.HELPER)
    with django_assert_max_num_queries(9):
        assert owner_client.get("/gestion/equipe/").status_code == 200


def test_many_shops_of_one_person_are_listed_in_one_question(
    platform_client, shop, other_shop, django_assert_max_num_queries
):
    user = UserFactory()
    for one in (shop, other_shop):
        with in_schema(one.schema_name):
            Membership.objects.create(shop=one, user=user, role=Role.MANAGER)
    sign_in(platform_client, user)
    with django_assert_max_num_queries(7):
        page = platform_client.get("/boutiques/").content.decode()
    assert "Cave du Marché" in page
    assert "Café des Halles" in page


@pytest.mark.django_db(databases=["default", "owner"])
def test_naming_a_shop_opens_it_and_leads_to_its_own_door(platform_client):
    sign_in(platform_client, UserFactory())
    part = platform_client.get("/boutiques/nouvelle/adresse/", {"name": "L’Œuf & Cie"})
    assert "l-oeuf-cie.localhost:8000" in part.content.decode()
    taken = platform_client.get("/boutiques/nouvelle/adresse/", {"slug": "cave"}).content.decode()
    assert "n’est pas libre" in taken
    refused = platform_client.post("/boutiques/nouvelle/", {"name": "Cave", "slug": "cave"})
    assert refused.status_code == 422


def test_naming_a_shop_needs_a_name(platform_client):
    sign_in(platform_client, UserFactory())
    answer = platform_client.post("/boutiques/nouvelle/", {"name": "", "trade": "wine"})
    assert answer.status_code == 422
    assert "obligatoire" in answer.content.decode()
