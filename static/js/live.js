// What moves by itself: a part that follows something (data-live: where to ask; data-version: what
// it shows) asks whether that has changed, and only then for its page, of which it takes itself
// anew. Nobody asks for a tab that nobody sees; while the network fails, ever less.
import { say } from "./say.js";

const EVERY = 1200;
const SLOWEST = 60000;
let wait = EVERY;
let timer;
let asking = false;

// Not under a hand that writes or is about to.
const busy = (part) => part.querySelector("details[open] form, :is(input, select, textarea):focus");

async function changed(part) {
  const headers = { "If-None-Match": `"${part.dataset.version}"` };
  const answer = await fetch(part.dataset.live, { headers, cache: "no-store" });
  if (answer.status === 304) return false;
  if (answer.status !== 204) throw new Error(`news: ${answer.status}`);
  return true;
}

async function renew(part) {
  const from = part.dataset.from ?? location.href;
  const answer = await fetch(from, { headers: { "HX-Request": "true" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`page: ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(part.id);
  if (!fresh) { location.reload(); return; } // signed out, or the page became another one
  if (busy(part) || fresh.dataset.version === part.dataset.version) return;
  press(part, fresh);
  swap(part, document.adoptNode(fresh));
}

// A stamp that was not there lands with its short press.
function press(part, fresh) {
  const before = part.querySelectorAll(".hole");
  fresh.querySelectorAll(".hole").forEach((hole, at) => {
    if (hole.matches(".on") && before[at] && !before[at].matches(".on")) hole.classList.add("new");
  });
}

function swap(part, fresh) {
  const open = [...part.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, at) => { one.open = open[at] ?? one.open; });
  const held = part.contains(document.activeElement) ? document.activeElement : null;
  const told = part.dataset.say;
  part.replaceWith(fresh);
  window.htmx?.process(fresh);
  if (held) [...fresh.querySelectorAll(held.localName)].find((one) => same(one, held))?.focus();
  if (fresh.dataset.say && fresh.dataset.say !== told) say(fresh.dataset.say);
}

const same = (one, other) => ["id", "href", "name", "aria-label"].every(
  (name) => one.getAttribute(name) === other.getAttribute(name),
);

async function look() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = true;
  try {
    for (const part of document.querySelectorAll("[data-live]")) {
      if (!busy(part) && await changed(part)) await renew(part);
    }
    wait = EVERY;
  } catch {
    wait = Math.min(wait * 2, SLOWEST);
  }
  asking = false;
  timer = setTimeout(look, wait);
}

document.addEventListener("visibilitychange", look);
addEventListener("online", look);
addEventListener("pageshow", (event) => { if (event.persisted) look(); });
timer = setTimeout(look, EVERY);
