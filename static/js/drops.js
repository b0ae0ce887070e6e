// The composer: variables go in where one writes; the count is said when it changes.
import { say } from "./page.js";

const form = document.getElementById("drop");
let field = form.elements.sms_text;

form.addEventListener("focusin", (event) => {
  if (["sms_text", "email_subject", "email_text"].includes(event.target.name)) field = event.target;
});

form.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-insert]");
  if (!chip) return;
  if (!field.offsetParent) field = form.elements.email_text;
  field.setRangeText(chip.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

let people = document.getElementById("portee").dataset.people;
document.addEventListener("htmx:oobAfterSwap", (event) => {
  const now = event.target.id === "portee" && document.getElementById("portee").dataset.people;
  if (now && now !== people) say(`${now} personnes`);
  if (now) people = now;
});
