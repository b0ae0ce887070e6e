// The composer: variables go in where one writes; the count is said when it changes.
// The pages that move by themselves: not under a hand that has opened something.
import { say } from "./say.js";

const form = document.querySelector("form#drop");
if (form) compose();

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches("#suivi") && event.target.querySelector("details[open]")) event.preventDefault();
});

function compose() {
  const takes = ":is(#message, #deux) textarea, [name$=email_subject]";
  let field = form.elements.sms_text;

  form.addEventListener("focusin", (event) => {
    if (event.target.matches(takes)) field = event.target;
  });

  form.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-insert]");
    if (!chip) return;
    if (!field.offsetParent) field = [...form.querySelectorAll("#message textarea")].find((one) => one.offsetParent) ?? field;
    field.setRangeText(chip.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // What somebody opened to read stays open when its figures change.
  document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    if (detail.target.querySelector("details[open]")) detail.fragment.querySelector("details")?.setAttribute("open", "");
  });

  const reach = () => document.getElementById("portee")?.dataset.people;
  let people = reach();
  document.addEventListener("htmx:oobAfterSwap", () => {
    const now = reach();
    if (now !== people) say(`${now} personne${now > 1 ? "s" : ""}`);
    people = now;
  });
}
