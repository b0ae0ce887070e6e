// The counter without signal. It stands under the address that was asked for, and shows from what
// this phone keeps what the page of that address would have shown.
import { enqueue, news, tell } from "./counter-queue.js";
import { able, cards, fact, first, takeBack } from "./counter-store.js";
import { lines } from "./counter-waiting.js";
import { openScanner } from "./counter.js";
import { say } from "./say.js";

const FOUND_AT_MOST = 12;
const WORD = 4; // letters of each name that are kept
const CODE = /(?:^|\/c\/)(~?[A-Za-z0-9_-]{22})\/?(?:[?#].*)?$/;
let forgotten = false;
let here = "";
const place = document.getElementById("shell");

const plain = (text) => text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
const initials = (name) => name.split(/\s+/).slice(0, 2).map((word) => word[0]).join("").toUpperCase() || "?";

function view(name, fill = {}) {
  const made = document.getElementById(`view-${name}`).content.cloneNode(true);
  for (const [slot, text] of Object.entries(fill)) made.querySelector(`[data-${slot}]`).textContent = text;
  return made;
}

// The list is the counter's own face; every other view has the way back to it above.
function show(made) {
  place.replaceChildren(made);
  const title = place.querySelector("h1")?.textContent;
  if (title) document.title = title;
  const head = document.getElementById("head");
  if (!place.querySelector("[role=search]")) head.replaceChildren(view("head"));
  if (here) head.querySelector("[data-who]").textContent = here;
}

function tellAndStop(title, text, again = "") {
  const made = view("told", { title, text });
  if (again) Object.assign(made.querySelector("[data-again]"), { href: again, hidden: false });
  show(made);
}

// --- what is known ------------------------------------------------------------------------------

// A card with what waits for it: the stamps to come, when it was stamped last.
function withWaiting(card, queue) {
  const coming = queue.filter((one) => one.kind === "stamp" && one.card === card.id);
  const last = Math.max(card.last, ...coming.map((one) => one.at));
  return { ...card, coming, last };
}

function ago(moment) {
  const minutes = Math.floor((Date.now() - moment) / 60000);
  if (minutes < 1) return "à l’instant";
  if (minutes < 60) return `il y a ${minutes} min`;
  if (minutes < 24 * 60) return `il y a ${Math.floor(minutes / 60)} h`;
  return `il y a ${Math.floor(minutes / 1440)} j`;
}

function said(card, kept) {
  const ready = card.rewards.length;
  if (ready) return ready > 1 ? `${ready} récompenses prêtes` : "Récompense prête";
  const coming = card.coming.length ? ` + ${card.coming.length} en attente` : "";
  const stands = kept.by_amount ? card.told : `${card.balance} / ${kept.goal}`;
  return `${stands}${coming} · ${card.last ? ago(card.last) : "jamais venu"}`;
}

// --- the list -----------------------------------------------------------------------------------

function matches(card, typed) {
  const digits = typed.replace(/\D/g, "");
  if (digits.length >= 2 && !/[a-z]/i.test(typed)) {
    return card.digits.endsWith(digits.slice(-4)) || String(card.number) === digits;
  }
  const words = plain(card.words).split(" ");
  return plain(typed).split(" ").every((asked) => words.some((word) => word.startsWith(asked.slice(0, WORD))));
}

function list(kept, queue) {
  show(view("list"));
  const field = place.querySelector("#q");
  const rows = place.querySelector("[data-rows]");
  const nobody = place.querySelector("[data-nobody]");
  field.value = new URLSearchParams(location.search).get("q") || "";

  function fill() {
    const typed = field.value.trim();
    const found = (typed.length < 2 ? kept.cards : kept.cards.filter((card) => matches(card, typed))).slice(0, FOUND_AT_MOST);
    rows.replaceChildren(...found.map((one) => {
      const card = withWaiting(one, queue);
      const row = view("row", { name: card.name, initials: initials(card.name), said: said(card, kept) });
      row.querySelector("[data-to]").href = `/comptoir/carte/${card.id}/`;
      return row;
    }));
    rows.hidden = !found.length;
    nobody.hidden = Boolean(found.length);
    nobody.querySelector("[data-why]").textContent = typed.length < 2
      ? "Ce téléphone ne garde encore aucune carte."
      : `Personne ne répond à « ${typed} » parmi les cartes gardées (90 jours).`;
    const digits = typed.replace(/[^\d+]/g, "");
    nobody.querySelector("[data-add]").href = `/comptoir/ajouter/${digits.length > 5 ? `?tel=${encodeURIComponent(digits)}` : ""}`;
    if (typed.length >= 2) say(found.length ? `${found.length} trouvé${found.length > 1 ? "s" : ""}` : "Personne");
  }

  field.addEventListener("input", fill);
  field.form.addEventListener("submit", (event) => { event.preventDefault(); fill(); });
  fill();
}

// --- a person -----------------------------------------------------------------------------------

// The shop's rewards, the nearest first: what each asks for, in figures and in words, and its name.
// What an earlier edition kept has the last one alone.
const offers = (kept) => kept.offers || [[kept.goal, kept.goal_told, kept.reward]];
// The one that a card is on its way to: the last, or the nearest out of reach where points are spent.
const aim = (card, kept) => (kept.kind === "points" && offers(kept).find(([at]) => at > card.balance)) || offers(kept).at(-1);

function holes(goal, stamped, pressed, gifts) {
  return Array.from({ length: goal }, (_, index) => {
    const hole = view("hole").firstElementChild;
    const gift = index >= stamped && gifts.has(index + 1);
    if (index < stamped) hole.append(view("stamp"));
    else if (gift) hole.append(view("gift"));
    else hole.textContent = index + 1;
    hole.classList.toggle("on", index < stamped);
    hole.classList.toggle("gift", gift);
    hole.classList.toggle("new", index === stamped - 1 && pressed);
    return hole;
  });
}

const columns = (goal) => ({ 2: 2, 3: 3, 4: 4, 6: 3, 7: 4, 8: 4, 11: 4, 12: 4, 16: 4 })[goal] || 5;

const UNITS = { stamps: "tampon", visits: "passage" };
const GIVE = { stamps: "Tamponner", visits: "Compter le passage" };

// Where the card stands: its stamps, those to come among them; or the sum that is known.
function board(made, card, kept, pressed) {
  const [holed, summed] = ["holes", "sum"].map((slot) => made.querySelector(`[data-${slot}]`));
  holed.hidden = kept.by_amount;
  summed.hidden = !kept.by_amount;
  if (kept.by_amount) {
    made.querySelector("[data-left]").textContent = card.coming.length ? "L’achat s’ajoutera au retour du réseau" : "";
    made.querySelector("[data-count]").textContent = aim(card, kept)[1];
    summed.textContent = card.told;
    return;
  }
  const shown = Math.min(card.balance + card.coming.length, kept.goal);
  const left = kept.goal - shown;
  made.querySelector("[data-left]").textContent = left ? `Plus que ${left} ${UNITS[kept.kind]}${left > 1 ? "s" : ""}` : "Carte pleine";
  made.querySelector("[data-count]").textContent = `${shown} / ${kept.goal}`;
  holed.classList.add(`in-${columns(kept.goal)}`);
  holed.setAttribute("aria-label", `${shown} sur ${kept.goal}`);
  holed.replaceChildren(...holes(kept.goal, shown, pressed, new Set(offers(kept).map(([at]) => at))));
}

function person(known, kept, gives, queue, { notice = "", pressed = "", code = "" } = {}) {
  const card = withWaiting(known, queue);
  const made = view("person", {
    name: card.name, initials: initials(card.name), said: said(card, kept), reward: aim(card, kept)[2], number: `N° ${card.number}`,
  });
  board(made, card, kept, Boolean(pressed));
  made.querySelector("[data-rewards]").replaceChildren(...rewards(card, gives, queue));
  if (notice) Object.assign(made.querySelector("[data-notice]"), { hidden: false, textContent: notice.text, className: `notice ${notice.tone}` });
  made.querySelector("[data-next]").hidden = !pressed;
  const again = (more) => refresh(card, more);
  const form = made.querySelector("[data-stamp]");
  form.hidden = Boolean(pressed);
  form.querySelector("button").textContent = GIVE[kept.kind] || "Ajouter l’achat";
  form.querySelector("details").open = form.elements.amount.required = kept.by_amount;
  form.addEventListener("submit", (event) => { event.preventDefault(); stamp(card, kept, form, again, code); });
  const back = made.querySelector("[data-back]");
  const undo = card.coming.findLast((one) => !one.tried);
  back.hidden = !undo;
  back.addEventListener("click", () => undoStamp(undo, again));
  show(made);
  if (notice) { place.querySelector("[data-notice]").focus(); say(notice.text); }
}

function rewards(card, gives, queue) {
  const given = new Set(queue.filter((one) => one.kind === "give").map((one) => one.reward));
  return card.rewards.map(([id, label]) => {
    const text = given.has(id) ? "offerte, en attente du réseau" : gives ? "à offrir" : "à offrir au retour du réseau";
    const made = view("reward", { label, said: text });
    if (gives && !given.has(id)) Object.assign(made.querySelector("[data-to]"), { href: `/comptoir/recompense/${id}/`, hidden: false });
    return made;
  });
}

async function stamp(card, kept, form, again, code) {
  const rested = Math.floor((Date.now() - card.last) / 60000);
  if (card.last && rested < kept.rest) {
    return again({ notice: { tone: "bad", text: `Carte déjà tamponnée il y a ${Math.max(0, rested)} min. Prochain tampon possible dans ${Math.max(1, kept.rest - rested)} min.` } });
  }
  if (kept.kind === "visits" && new Date(card.last).toDateString() === new Date().toDateString()) {
    return again({ notice: { tone: "bad", text: "Le passage d’aujourd’hui est déjà compté." } });
  }
  const id = crypto.randomUUID();
  form.querySelector("button").disabled = true;
  await enqueue({ id, kind: "stamp", card: card.id, code, amount: form.elements.amount.value.trim(), name: card.name });
  return again({ pressed: id, notice: { tone: "good", text: "Gardé sur ce téléphone : ce geste partira dès que le réseau revient." } });
}

async function undoStamp(gesture, again) {
  const gone = await takeBack(gesture.id);
  const text = gone ? "Geste annulé." : "Ce geste est peut-être déjà parti : annulez-le au retour du réseau.";
  await tell();
  again({ notice: { tone: gone ? "good" : "warn", text } });
}

async function refresh(card, more) {
  const [kept, gives, queue] = await Promise.all([cards(), fact("gives"), first()]);
  const known = kept?.cards.find((one) => one.id === card.id);
  return known ? person(known, kept, gives, queue, more) : open(); // a sign-out forgot it meanwhile
}

// --- the other addresses ------------------------------------------------------------------------

async function scanned(kept, gives, queue) {
  const token = CODE.exec(new URLSearchParams(location.search).get("code") || "")?.[1];
  if (!token) return tellAndStop("Carte inconnue", "Ce code n’est pas celui d’une carte. Cherchez la personne par son nom ou ses derniers chiffres.");
  const whose = token.startsWith("~") ? ofScreen(token) : await ofAddress(token);
  const found = kept?.cards.find(whose);
  if (found) return person(found, kept, gives, queue, { code: token });
  return unknown(token, queue);
}

// The code of an open card begins with its number; whether it is ours and was fresh, the server
// will say: it judges by the moment of the gesture.
function ofScreen(token) {
  const number = [...atob(token.slice(1, 7).replaceAll("-", "+").replaceAll("_", "/"))]
    .reduce((sum, letter) => sum * 256 + letter.charCodeAt(0), 0);
  return (card) => card.number === number;
}

async function ofAddress(token) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  const code = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 20);
  return (card) => card.code === code;
}

// A card this phone does not know: the server will, once the stamp arrives.
function unknown(token, queue) {
  const waits = queue.some((one) => one.code === token);
  tellAndStop(waits ? "Tampon gardé" : "Carte pas encore connue ici", waits
    ? "Il partira dès que le réseau revient, et dira alors si la carte est de la boutique."
    : "Ce téléphone ne connaît pas cette carte. Vous pouvez la tamponner : le serveur vérifiera au retour du réseau.");
  const onward = place.querySelector("[data-onward]");
  if (waits) return Object.assign(onward, { href: "/comptoir/scanner/", textContent: "Carte suivante" });
  onward.textContent = "Tamponner";
  return onward.addEventListener("click", async (event) => {
    event.preventDefault();
    await enqueue({ kind: "stamp", code: token, name: "Carte scannée" });
    unknown(token, await first());
  }, { once: true });
}

function add() {
  show(view("add"));
  const form = place.querySelector("[data-add]");
  const { phone, first_name, stamp: stamped, send_card } = form.elements;
  phone.value = new URLSearchParams(location.search).get("tel") || "";
  phone.focus();
  const id = crypto.randomUUID();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = phone.value.replace(/\D/g, "").length < 9;
    place.querySelector("#phone_error").hidden = !wrong;
    phone.setAttribute("aria-invalid", String(wrong));
    phone.setAttribute("aria-describedby", "phone_error");
    if (wrong) { phone.focus(); return; }
    await enqueue({ id, kind: "add", phone: phone.value, first_name: first_name.value, stamp: stamped.checked, send_card: send_card.checked, name: first_name.value || phone.value });
    tellAndStop("Contact gardé", `${first_name.value || phone.value} sera ajouté${stamped.checked ? ", avec son tampon," : ""} dès que le réseau revient.`);
  });
}

function give(reward, kept, gives, queue) {
  const card = kept?.cards.find((one) => one.rewards.some(([id]) => id === reward));
  const given = queue.some((one) => one.kind === "give" && one.reward === reward);
  if (!card || !gives || given) return tellAndStop("Pas sans réseau", "Cette récompense s’offre au retour du réseau, ou sur l’appareil que la boutique a choisi pour cela.");
  const [, label, alcohol] = card.rewards.find(([id]) => id === reward);
  show(view("give", { whom: `À remettre à ${card.name}`, label }));
  place.querySelector("[data-to]").href = `/comptoir/carte/${card.id}/`;
  const box = place.querySelector("[data-alcohol]");
  box.hidden = !alcohol;
  box.querySelector("input").required = alcohol;
  const id = crypto.randomUUID();
  return place.querySelector("[data-give]").addEventListener("submit", async (event) => {
    event.preventDefault();
    const id_checked = box.querySelector("input").checked;
    await enqueue({ id, kind: "give", reward, id_checked, name: `${label} · ${card.name}` });
    tellAndStop("Récompense offerte", `${label} : c’est gardé sur ce téléphone, et sera noté au retour du réseau.`);
  });
}

function waiting(queue) {
  if (!queue.length) return tellAndStop("Rien n’attend", "Tout ce qui a été fait sur ce téléphone est arrivé.");
  show(view("waiting"));
  return place.querySelector("[data-rows]").replaceChildren(...lines(queue));
}

// --- where we are -------------------------------------------------------------------------------

// Every gesture is somebody's: who is not signed in waits for the network.
function nobody() {
  tellAndStop("Qui est là ?", "Ce téléphone ne sait plus qui vous êtes : connectez-vous dès que le réseau revient. Ce qui attend est gardé.");
  place.querySelector("[data-onward]").textContent = news.state === "sign-in" ? "Me connecter" : "Réessayer";
}

async function open() {
  if (!able) return tellAndStop("Pas de réseau", "Ce navigateur ne garde rien : réessayez au retour du réseau.", location.href);
  const [kept, gives, queue, who] = await Promise.all([cards(), fact("gives"), first(), fact("who")]);
  here = who || "";
  if (!who) return nobody();
  const path = location.pathname;
  const [, number] = /\/(?:carte|recompense)\/(\d+)\/$/.exec(path) || [];
  if (path === "/comptoir/scanner/") return openScanner();
  if (path === "/comptoir/ajouter/") return add();
  if (path === "/comptoir/hors-ligne/") return waiting(queue);
  if (path === "/comptoir/scan/") return scanned(kept, gives, queue);
  if (path.startsWith("/comptoir/recompense/")) return give(Number(number), kept, gives, queue);
  if (path.startsWith("/comptoir/carte/")) {
    const found = kept?.cards.find((one) => one.id === Number(number));
    if (found) return person(found, kept, gives, queue);
    return tellAndStop("Carte pas gardée ici", "Ce téléphone garde les cartes des 90 derniers jours. Celle-ci s’ouvrira au retour du réseau.", location.href);
  }
  if (path === "/comptoir/" || path === "/comptoir/sans-reseau/") {
    return list(kept || { cards: [] }, queue);
  }
  return tellAndStop("Pas de réseau", "Cette page a besoin du réseau. Le comptoir, lui, continue.", location.href);
}

// Once the server has answered and has all, the page itself takes its place again.
addEventListener("comptoir:queue", () => {
  if (news.state === "sign-in" && !forgotten && place.querySelector("#q, [data-stamp]")) {
    forgotten = true; // what was shown is no longer kept
    open();
  }
  const idle = !news.waiting && location.pathname === "/comptoir/" && !place.querySelector("#q")?.value;
  if (news.heard && idle) location.reload();
});

if (able) tell({ state: "offline" });
open();
