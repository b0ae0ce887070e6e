// The enrolment page: works without this; with it, a slip is shown at once and nothing goes twice.
const form = document.querySelector("[data-join]");
const button = form.querySelector("[type=submit]");

form.querySelector("[aria-invalid=true]")?.focus();

form.addEventListener("submit", (event) => {
  if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
  button.setAttribute("aria-disabled", "true");
});

// The browser's « back » brings the page as it was left: its button works again.
addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));
