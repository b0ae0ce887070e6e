// One's own link: handed to the phone's own menu, or copied. Without either it stands in the page.
const said = document.getElementById("dit");
const share = document.querySelector("[data-share]");
const copy = document.querySelector("[data-copy]");

if (navigator.share) {
  share.hidden = false;
  share.addEventListener("click", async () => {
    const { title, text, url } = share.dataset;
    try {
      await navigator.share({ title, text, url });
    } catch {
      // The menu was closed without a choice: nothing to say.
    }
  });
}

if (navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const field = document.getElementById(copy.dataset.copy);
    field.select();
    await navigator.clipboard.writeText(field.value);
    said.textContent = copy.dataset.done;
  });
}
