// Each gesture at the counter has a name of its own (a UUID), so that it is done once however
// often it is sent. The server writes a fresh one into every answer; this renews the name of a
// page that the browser kept from before its gesture was done (« back », a restored tab).
const SPENT = "comptoir-spent";

const spent = () => JSON.parse(sessionStorage.getItem(SPENT) || "[]");

function newName() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function spend(name) {
  sessionStorage.setItem(SPENT, JSON.stringify([...spent(), name].slice(-40)));
}

document.addEventListener("htmx:afterRequest", (event) => {
  const name = event.detail.requestConfig?.parameters?.token;
  if (name && event.detail.successful) spend(name);
});

// A plain form is answered by a redirect: its name is spent once another page is on its way.
for (const form of document.querySelectorAll("form[data-gesture]:not([hx-post])")) {
  form.addEventListener("submit", () => {
    const { value } = form.elements.token;
    addEventListener("pagehide", () => spend(value), { once: true });
  });
}

addEventListener("pageshow", () => {
  const used = spent();
  for (const field of document.querySelectorAll("form[data-gesture] input[name=token]")) {
    if (used.includes(field.value)) field.value = newName();
  }
});

// The second tap of a double tap is not meant for what has just taken the button's place.
const DOUBLE = { within: 400, near: 30 };
let tap = null;

addEventListener("click", (event) => {
  const last = tap;
  tap = event;
  if (!last || last.target.isConnected || event.timeStamp - last.timeStamp > DOUBLE.within) return;
  if (Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY) > DOUBLE.near) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });

// The scanner opens in the page one is on: a tone and a vibration are allowed only where a thumb
// has touched, and nothing has to be fetched first, with or without network.
export async function openScanner() {
  const page = document.querySelector(".counter");
  page.replaceChildren(document.getElementById("signal"), document.getElementById("view-scanner").content.cloneNode(true));
  document.title = "Scanner une carte";
  await import("./counter-scanner.js").catch(() => {
    document.getElementById("told").textContent = "Le scanner n’est pas encore sur ce téléphone : ouvrez-le une fois avec du réseau. Cherchez la personne ci-dessous.";
  });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href='/comptoir/scanner/']");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  addEventListener("popstate", () => location.reload(), { once: true });
  openScanner();
});
