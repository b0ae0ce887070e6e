// Tells those who do not see the screen what has changed on it.
const live = document.getElementById("live");

export function say(text) {
  if (!live) return;
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}
