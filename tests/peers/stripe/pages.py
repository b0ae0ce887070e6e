"""What Stripe shows to people: Checkout, the Billing Portal, Connect's onboarding. Plain forms."""

from datetime import UTC, datetime
from html import escape

from tests.peers.stripe import billing, once, owing, shapes
from tests.peers.stripe.books import Books, StripeError, Thing

NUMBERS = (
    ("4242 4242 4242 4242", "carte acceptée"),
    ("4000 0000 0000 0341", "carte acceptée, puis refusée à chaque paiement"),
    ("4000 0000 0000 9995", "carte sans provision"),
    ("4000 0000 0000 0069", "carte expirée"),
    ("4000 0027 6000 3184", "carte que la banque demande de confirmer"),
    ("FR14 2004 1010 0505 0001 3M02 606", "prélèvement SEPA accepté"),
    ("FR84 2004 1010 0505 0001 3M02 607", "prélèvement SEPA rejeté cinq jours plus tard"),
)
# Of the address without a query; what a page posts goes to the page itself.
LOOK = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>%s</title>
<meta name="viewport" content="width=device-width"><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem}
button,input,select{font:inherit;padding:.6rem;width:100%%;box-sizing:border-box;margin:.3rem 0}
small{color:#555}</style><h1>%s</h1>%s<p><small>Ceci joue Stripe sur cette machine : aucun argent
ne bouge.</small></p></html>"""


def page(title: str, body: str) -> str:
    return LOOK % (escape(title), escape(title), body)


def choice() -> str:
    options = "".join(f'<option value="{n}">{n} — {said}</option>' for n, said in NUMBERS)
    return f'<label>Moyen de paiement<select name="number">{options}</select></label>'


def euros(cents: int) -> str:
    return f"{cents / 100:.2f} €".replace(".", ",")


def form(button: str, fields: str = "", **hidden: str) -> str:
    kept = "".join(f'<input type="hidden" name="{k}" value="{v}">' for k, v in hidden.items())
    return f'<form method="post">{fields}{kept}<button>{escape(button)}</button></form>'


# --- its clock, which the real one has not --------------------------------------------------

STEPS = (("1", "Avancer d’un jour"), ("7", "Avancer d’une semaine"), ("31", "Avancer d’un mois"))


def clock(books: Books) -> str:
    """What falls due on the way happens: renewals, declines and new tries, late debits."""
    forms = "".join(form(said, days=days) for days, said in STEPS)
    return page(f"Stripe, le {datetime.fromtimestamp(books.now(), UTC):%d/%m/%Y}", forms)


def turn(books: Books, said: Thing) -> str:
    days = int(said["days"])
    if not 0 < days <= 366:
        raise StripeError(400, "From one day to a year")
    billing.advance(books, days * 86_400)
    return "/"


# --- Checkout ------------------------------------------------------------------------------


def checkout(books: Books, session: Thing) -> str:
    asked = session["asked"]
    lines = asked.get("line_items", {}).values()
    bought = "".join(f"<p>{escape(_line(books, line))}</p>" for line in lines)
    if session["status"] != "open":
        return page("Cette page a déjà servi", "")
    back = f'<p><a href="{escape(session["cancel_url"] or "#")}">Revenir sans payer</a></p>'
    setup = session["mode"] == "setup"
    button = "Payer" if session["mode"] == "payment" else "Payer et s’abonner"
    button = "Enregistrer ce moyen de paiement" if setup else button
    title = "Moyen de paiement" if setup else "Paiement"
    return page(title, bought + form(button, choice()) + back)


def _line(books: Books, line: Thing) -> str:
    """« Club Découverte : 32,00 € TTC tous les 2 mois »."""
    if "price_data" in line:
        said = line["price_data"]
        return f"{said['product_data']['name']} : {euros(int(said['unit_amount']))} TTC"
    price = books.things[line["price"]]
    months = price["recurring"]["interval_count"]
    every = "par mois" if months == 1 else f"tous les {months} mois"
    vat = "TTC" if price["tax_behavior"] == "inclusive" else "HT"
    return f"{books.things[price['product']]['name']} : {euros(price['unit_amount'])} {vat} {every}"


def complete(books: Books, session: Thing, number: str) -> str:
    """Paid in the browser; the address to go to."""
    account = books.owners[session["id"]]
    if session["status"] != "open":
        raise StripeError(400, "This Checkout Session is not open", "checkout_session_expired")
    if session["mode"] == "setup":
        owing.keep_method(books, session, number)
        return _done(books, session)
    if session["mode"] == "payment":
        once.buy(books, session, number)
        return _done(books, session)
    buyer = session["customer"]
    if buyer is None:
        made = books.put(shapes.customer(books, {"email": "client@exemple.fr"}), account)
        books.emit("customer.created", made, account)
        buyer = session["customer"] = made["id"]
    method = billing.use(books, number, buyer, account)
    asked = session["asked"]
    data = asked.get("subscription_data", {})
    lines = asked["line_items"].values()
    said = {
        **data,
        "items": {str(n): {"price": line["price"]} for n, line in enumerate(lines)},
        "default_payment_method": method["id"],
        "tax_rates": [rate for line in lines for rate in line.get("tax_rates", {}).values()],
    }
    sub = billing.begin(books, buyer, said, account)
    session |= {"subscription": sub["id"], "invoice": sub["latest_invoice"]}
    first = books.things[sub["latest_invoice"]]
    if owing.waits_for_bank(books, first):  # here one can say yes at once; not next month
        owing.confirm(books, first)
    owed = first["status"] == "open"
    session["payment_status"] = "unpaid" if owed else "paid"
    return _done(books, session)


def _done(books: Books, session: Thing) -> str:
    session["status"] = "complete"
    books.emit("checkout.session.completed", public(session), books.owners[session["id"]])
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def public(thing: Thing) -> Thing:
    """As the API shows it: without what the fake keeps for itself."""
    return {
        k: v
        for k, v in thing.items()
        if k not in ("asked", "settles_at", "of_invoice", "of_session")
    }


# --- an invoice's own page -----------------------------------------------------------------


def bill(books: Books, invoice: Thing) -> str:
    if invoice["status"] != "open":
        return page("Cette facture est réglée", "")
    due = f"<p>À régler : {euros(invoice['amount_remaining'])}</p>"
    if owing.waits_for_bank(books, invoice):
        due += form("Confirmer auprès de ma banque", act="confirm")
    return page("Facture", due + form("Payer", choice(), act="pay"))


def settle(books: Books, invoice: Thing, said: Thing) -> str:
    """Stripe's page stays where it is: nobody is sent back to the shop."""
    if said.get("act") == "confirm":
        owing.confirm(books, invoice)
    else:
        owing.settle_by(books, invoice, said["number"])
    return str(invoice["hosted_invoice_url"])


# --- the Billing Portal --------------------------------------------------------------------


def portal(books: Books, session: Thing) -> str:
    account = books.owners[session["id"]]
    parts = []
    for sub in books.all("subscription", account, customer=session["customer"]):
        name = books.things[sub["items"]["data"][0]["price"]["product"]]["name"]
        parts.append(f"<p>{escape(name)} : {sub['status']}</p>")
        if sub["status"] in billing.LIVE and not sub["cancel_at_period_end"]:
            parts.append(form("Résilier à la fin du mois", act="cancel", subscription=sub["id"]))
        elif sub["status"] in billing.LIVE:
            parts.append(form("Garder l’abonnement", act="keep", subscription=sub["id"]))
    if change := ((session["flow"] or {}).get("subscription_update_confirm")):
        price = books.things[change["items"]["0"]["price"]]
        parts.append(
            f"<p>Nouvelle formule : {escape(books.things[price['product']]['name'])}, "
            f"{euros(price['unit_amount'])} HT par mois</p>"
        )
        parts.append(form("Confirmer le changement", act="change"))
    parts.append(form("Enregistrer ce moyen de paiement", choice(), act="method"))
    back = escape(session["return_url"] or "#")
    parts.append(f'<p><a href="{back}">Revenir à Comptoir</a></p>')
    return page("Votre abonnement", "".join(parts))


def manage(books: Books, session: Thing, said: Thing) -> str:
    account = books.owners[session["id"]]
    act, named = said.get("act"), said.get("subscription", "")
    if act == "method":
        billing.use(books, said["number"], session["customer"], account)
    elif act == "change":
        change = session["flow"]["subscription_update_confirm"]
        sub = books.find("subscription", change["subscription"], account)
        # As the portal of a platform is set that lets people change their plan at once.
        asked = {"items": change["items"], "proration_behavior": "always_invoice"}
        billing.change(books, sub, asked)
    else:
        leaves = "true" if act == "cancel" else "false"
        sub = books.find("subscription", named, account)
        billing.change(books, sub, {"cancel_at_period_end": leaves})
    return str(session["return_url"])


# --- Connect -------------------------------------------------------------------------------

MISSING = {
    "business_profile.url": "l’adresse du site",
    "external_account": "l’IBAN qui reçoit les versements",
    "individual.verification.document": "une pièce d’identité",
}


def onboarding(account: Thing) -> str:
    asked = account["requirements"]["currently_due"]
    said = "".join(f"<li>{MISSING.get(one, one)}</li>" for one in asked)
    body = f"<p>Il manque :</p><ul>{said}</ul>" if asked else "<p>Tout est là.</p>"
    later = form("Tout sauf la pièce d’identité", act="part")
    return page("Votre compte Stripe", body + form("Tout fournir", act="all") + later)


def onboard(books: Books, account: Thing, act: str) -> None:
    left = ["individual.verification.document"] if act == "part" else []
    account["requirements"] = shapes.requirements(left, "requirements.pending_verification")
    state = "inactive" if left else "active"
    account |= {"details_submitted": True, "charges_enabled": not left, "payouts_enabled": not left}
    account["capabilities"] = dict.fromkeys(account["capabilities"], state)
    books.emit("account.updated", account, account["id"])
