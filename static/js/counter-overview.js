// What waits on this phone, told on the page about it; and this phone put on the home screen.
import { drain, news } from "./counter-queue.js";
import { able, cards, device, first } from "./counter-store.js";
import { clock, lines } from "./counter-waiting.js";

const one = (slot) => document.querySelector(`[data-${slot}]`);

async function show() {
  const [kept, queue] = await Promise.all([cards(), first()]);
  const many = kept?.cards.length || 0;
  one("kept").textContent = kept
    ? `${many} carte${many > 1 ? "s" : ""} gardée${many > 1 ? "s" : ""}, chiffrée${many > 1 ? "s" : ""}, à jour au ${clock.format(kept.at)}. ${queue.length ? `${queue.length} en attente du réseau :` : "Rien n’attend."}`
    : "Les cartes seront gardées au prochain passage du réseau.";
  one("waiting").replaceChildren(...lines(queue));
  one("waiting").hidden = one("send").hidden = !queue.length;
  one("send").disabled = news.state === "sign-in";
}

async function begin() {
  const form = one("lease");
  if (form) {
    form.elements.device.value = await device();
    form.hidden = false;
  }
  one("send").addEventListener("click", () => drain({ anyway: true }));
  addEventListener("comptoir:queue", show);
  one("ios").hidden = !("standalone" in navigator) || navigator.standalone;
  await show();
  navigator.serviceWorker?.ready.then(({ active }) => active.postMessage("scanner"));
  await drain({ anyway: true }); // who may give offline has perhaps just been changed here
}

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  const button = one("install");
  button.hidden = false;
  button.onclick = () => { button.hidden = true; event.prompt(); };
});

if (able) begin();
