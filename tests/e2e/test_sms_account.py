"""An owner brings the shop's own Twilio account, leaves it and takes it again, in a browser."""

from playwright.sync_api import expect

from apps.core.phone import show_phone
from tests.e2e.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, axe, fits, look, sign_in, views
from tests.messaging.peers import MINE, NUMBER, TOKEN, Twilio, http_peer

PAGE = "/gestion/reglages/sms/"


@views(PHONE, DESK, PHONE_DARK, DESK_DARK)
def test_an_own_account_is_verified_used_left_and_taken_again(page, stack, view, listener):
    listener.expect("422")
    shop = stack.open_shop(f"compte-{view.name}", "Cave du Compte")
    sign_in(page, stack, shop, "owner")
    page.goto(stack.url(shop, PAGE))
    look(page, f"sms-account-none-{view.name}")
    with http_peer(stack.twilio_port) as peer:
        twilio = Twilio(peer)

        def verify(token: str, said: str) -> None:
            page.get_by_label("Compte (Account SID)").fill(MINE)
            page.get_by_label("Jeton (Auth Token)").fill(token)
            page.get_by_label("Expéditeur", exact=True).fill("+33 9 39 01 02 03")
            page.get_by_role("button", name="Vérifier et utiliser").click()
            expect(page.get_by_text(said)).to_be_visible()
            axe(page)
            fits(page)

        verify(TOKEN[::-1], "ne reconnaît pas ce compte")
        look(page, f"sms-account-refused-{view.name}")
        verify(TOKEN, "Ce numéro est à vous")
        expect(page.get_by_text("compte en service")).to_be_visible()
        expect(page.get_by_text("…WXYZ")).to_be_visible()
        assert TOKEN not in page.content()
        look(page, f"sms-account-used-{view.name}")
        page.get_by_role("button", name="Revenir au compte de Comptoir").click()
        expect(page.get_by_text("Vos clés restent au coffre")).to_be_visible()
        axe(page)
        look(page, f"sms-account-left-{view.name}")
        page.get_by_role("button", name="Reprendre votre compte").click()
        expect(page.get_by_text("de nouveau par votre compte")).to_be_visible()
        expect(page.get_by_text(show_phone(NUMBER)).first).to_be_visible()
        assert twilio.taken == []
