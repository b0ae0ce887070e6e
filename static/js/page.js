// Loaded by every team page: announces htmx swaps, keeps focus, confirms what cannot be undone.
import { say } from "./say.js";

// What the server swapped in may carry a sentence for those who do not see the screen.
document.addEventListener("htmx:afterSwap", (event) => {
  const told = event.target.querySelector?.("[data-say]");
  if (told) say(told.dataset.say);
});

// A refusal (4xx) is a sentence to show, not a console line.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status >= 400 && xhr.status < 500 && xhr.responseText) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

document.addEventListener("htmx:sendError", (event) => {
  if (!event.defaultPrevented) say("Pas de réseau : rien n’a été envoyé.");
});

// Who signs out leaves nothing of the shop's cards on this device.
document.addEventListener("submit", async (event) => {
  if (event.defaultPrevented || !event.target.matches("[data-leaves]")) return;
  event.preventDefault();
  const { able, signOut } = await import("./counter-store.js");
  if (able) await signOut().catch(() => {});
  event.target.submit();
});

// A form that is on its way is not sent twice.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.matches("[data-again]")) return;
  const button = event.submitter;
  if (button) setTimeout(() => { button.disabled = true; setTimeout(() => { button.disabled = false; }, 4000); });
});

// On a phone the tabs scroll sideways: the one that is open is in sight.
for (const here of document.querySelectorAll(".tabs [aria-current]")) {
  const row = here.closest(".tabs");
  row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

for (const select of document.querySelectorAll("[data-submit-on-change]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
