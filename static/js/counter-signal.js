// On every page of the counter: the service worker, what waits in sight, and what the network
// drops put into the queue under the name it was sent by, so that it is done once.
import { drain, enqueue, news, tell } from "./counter-queue.js";
import { able, signIn } from "./counter-store.js";
import { say } from "./say.js";

const bar = document.getElementById("signal");
const EVERY = 15000; // ms between two tries while something waits
const AWAY = new Set([0, 502, 503, 504]);

const many = (number, one, more) => `${number} ${number > 1 ? more : one}`;

function sentence() {
  const waiting = news.waiting ? `${news.waiting} en attente` : "";
  if (news.state === "sign-in") return [waiting, "reconnectez-vous"].filter(Boolean).join(" · ");
  if (news.state === "offline") return waiting ? `${waiting} · hors ligne` : "Hors ligne";
  if (news.state === "trouble" && waiting) return `${waiting} · le serveur ne répond pas`;
  if (waiting) return waiting;
  return news.refused ? many(news.refused, "geste refusé à voir", "gestes refusés à voir") : "";
}

function show() {
  const text = sentence();
  const told = bar.querySelector("[data-told]");
  told.hidden = !text;
  told.textContent = text;
  told.classList.toggle("warn", news.waiting > 0 || news.state !== "quiet");
  told.classList.toggle("bad", !news.waiting && news.state === "quiet" && news.refused > 0);
  told.href = news.state === "sign-in" ? "/comptoir/" : "/comptoir/hors-ligne/";
  document.documentElement.toggleAttribute("data-offline", news.state === "offline");
}

// --- the edition ------------------------------------------------------------------------------

function offer(worker) {
  const button = bar.querySelector("[data-renew]");
  button.hidden = false;
  button.onclick = () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    worker.postMessage("reload");
  };
}

async function install() {
  if (!("serviceWorker" in navigator)) return;
  const registered = await navigator.serviceWorker.register("/comptoir/service-worker.js", { scope: "/comptoir/" });
  if (matchMedia("(display-mode: standalone)").matches) navigator.serviceWorker.ready.then(({ active }) => active.postMessage("scanner"));
  const waits = (worker) => navigator.serviceWorker.controller && worker && offer(worker);
  waits(registered.waiting);
  registered.addEventListener("updatefound", () => {
    const worker = registered.installing;
    worker.addEventListener("statechange", () => { if (worker.state === "installed") waits(worker); });
  });
}

// --- what the network dropped -----------------------------------------------------------------

const STAMP = /\/comptoir\/carte\/(\d+)\/tampon\/$/;

// The gesture that a request was about to do; null for one that must not wait.
function gestureOf({ path, parameters }) {
  const card = STAMP.exec(path)?.[1];
  if (card) return { kind: "stamp", card: Number(card), name: document.querySelector("h1")?.textContent };
  if (!path.endsWith("/comptoir/ajouter/")) return null;
  const { phone, first_name, stamp, send_card } = parameters;
  return { kind: "add", phone, first_name, stamp: Boolean(stamp), send_card: Boolean(send_card), name: first_name || phone };
}

const KEPT = "Pas de réseau : le geste est gardé sur ce téléphone et partira dès que le réseau revient.";

async function dropped(event) {
  const { requestConfig, xhr, elt } = event.detail;
  if (!AWAY.has(xhr.status) || requestConfig.verb !== "post") return;
  const gesture = gestureOf(requestConfig);
  if (!gesture) return;
  event.preventDefault(); // nobody is told that nothing was sent
  const { token, amount } = requestConfig.parameters;
  await enqueue({ id: token, amount, ...gesture });
  await tell({ state: "offline" });
  const notice = document.getElementById("kept").content.firstElementChild.cloneNode(true);
  notice.querySelector("[data-told]").textContent = KEPT;
  elt.replaceWith(notice);
  say(KEPT);
}

for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, dropped, { capture: true });
}

// --- when ---------------------------------------------------------------------------------------

function attempt() {
  if (!document.hidden) drain();
}

async function begin() {
  const { pass, who } = bar.dataset;
  if (pass) await signIn(pass, who);
  addEventListener("comptoir:queue", show);
  addEventListener("online", attempt);
  addEventListener("pageshow", (event) => { if (event.persisted) attempt(); });
  document.addEventListener("visibilitychange", attempt);
  setInterval(() => { if (news.waiting || news.state !== "quiet") attempt(); }, EVERY);
  await tell();
  attempt();
  await install();
}

if (able) begin();
