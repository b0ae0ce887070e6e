// The pad of great keys; without this script the phone's own keyboard does.
const field = document.getElementById("pin");
const pad = document.getElementById("pad");

if (pad) {
  pad.hidden = false;
  // The phone's keyboard would cover the pad.
  if (matchMedia("(pointer: coarse)").matches) field.inputMode = "none";
  pad.addEventListener("click", (event) => {
    const key = event.target.closest("button")?.dataset.key;
    if (key === "clear") field.value = "";
    else if (key === "back") field.value = field.value.slice(0, -1);
    else if (key) field.value = (field.value + key).slice(0, field.maxLength);
  });
}
