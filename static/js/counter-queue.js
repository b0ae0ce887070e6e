// The queue of this phone: what is done without signal waits here, and leaves in order.
import * as store from "./counter-store.js";

const ROOT = "/comptoir/hors-ligne/";
const AT_ONCE = 50; // gestures in one letter
const PATIENCE = 20000; // ms for one letter
const LATELY = 60 * 1000; // ms
const FRESH = 10 * 60 * 1000; // ms before the cards are asked for again

const heard = "BroadcastChannel" in window ? new BroadcastChannel("comptoir") : null;

// What the bar shows: how many wait, and what the last try said.
export const news = { waiting: 0, refused: 0, state: "quiet", heard: 0 }; // quiet, offline, sign-in, trouble

export async function tell(changes = {}) {
  Object.assign(news, changes, { waiting: await store.count() });
  dispatchEvent(new CustomEvent("comptoir:queue", { detail: news }));
  heard?.postMessage(changes);
}

// What another tab of this phone has done.
heard?.addEventListener("message", async ({ data }) => {
  Object.assign(news, data, { waiting: await store.count() });
  dispatchEvent(new CustomEvent("comptoir:queue", { detail: news }));
});

// Puts a gesture in the queue, with its moment, its person and what the server has signed of this
// clock; resolves once it is on the disk.
export async function enqueue(gesture) {
  const [by = "", clock = ""] = await Promise.all([store.fact("pass"), store.fact("clock")]);
  await store.put({ id: crypto.randomUUID(), at: Date.now(), by, clock, ...gesture });
  navigator.storage?.persist?.();
  await tell();
}

async function ask(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  const signal = AbortSignal.timeout(PATIENCE);
  return fetch(ROOT + path, { ...options, headers, signal, redirect: "manual", cache: "no-store" });
}

class Told extends Error {}

// The server's answer, or what to tell: signed out, or something is wrong over there.
async function answered(path, options) {
  let answer;
  try {
    answer = await ask(path, options);
  } catch {
    throw new Told("offline");
  }
  if (answer.status === 401 || answer.status === 403 || answer.type === "opaqueredirect") {
    await store.signOut();
    throw new Told("sign-in");
  }
  if (!answer.ok && answer.status !== 304) throw new Told("trouble");
  return answer;
}

async function sendAll(csrf) {
  const device = await store.device();
  for (;;) {
    const gestures = await store.first(AT_ONCE);
    if (!gestures.length) return;
    await store.markTried(gestures);
    const body = JSON.stringify({ device, sent_at: Date.now(), gestures });
    const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf };
    const said = await (await answered("envoi/", { method: "POST", body, headers })).json();
    const done = new Set(said.answers.map((one) => one.id));
    const settled = gestures.filter((one) => done.has(one.id));
    if (!settled.length) throw new Told("trouble");
    await store.remove(settled);
    await tell({ refused: said.refused, state: "quiet" });
  }
}

async function freshCards(force) {
  const age = await store.cardsAge();
  if (!force && age && Date.now() - age < FRESH) return;
  const tag = (await store.cards())?.tag;
  const answer = await answered("cartes/", tag ? { headers: { "If-None-Match": tag } } : {});
  if (answer.status === 304) await store.touchCards();
  else await store.keepCards(await answer.json(), answer.headers.get("ETag"));
}

async function sync() {
  try {
    const said = await (await answered(`etat/?a=${Date.now()}`)).json();
    await store.signIn(said.pass, said.who);
    await store.keep("clock", said.clock);
    await store.keep("gives", said.gives === (await store.device()));
    await tell({ refused: said.refused, state: "quiet" });
    const waited = news.waiting > 0;
    if (waited) await sendAll(said.csrf);
    await freshCards(waited);
    await tell({ heard: Date.now() });
    await store.keep("heard", news.heard);
  } catch (error) {
    if (!(error instanceof Told)) throw error;
    await tell({ state: error.message });
  }
}

// Sends what waits and fetches what is known, one tab at a time. Opening page after page, one asks
// anew a minute after the last answer.
export async function drain({ anyway = false } = {}) {
  const lately = Date.now() - ((await store.fact("heard")) || 0) < LATELY;
  if (!anyway && lately && news.state === "quiet" && !(await store.count())) return null;
  if (!navigator.locks) return sync();
  return navigator.locks.request("comptoir-envoi", { ifAvailable: true }, (free) => free && sync());
}
