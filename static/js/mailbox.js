// The mailbox fills itself: asks for what is newer than its first letter, and says so.
const list = document.getElementById("lettres");
const live = document.getElementById("live");

async function look() {
  if (document.hidden) return;
  const newest = list.firstElementChild?.dataset.reference ?? "";
  const answer = await fetch(`/boite/?apres=${encodeURIComponent(newest)}`);
  if (answer.status !== 200) return;
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  const many = fresh.content.querySelectorAll("li").length;
  list.prepend(fresh.content);
  document.getElementById("vide").hidden = true;
  live.textContent = many > 1 ? `${many} nouveaux messages` : "Un nouveau message";
}

setInterval(() => look().catch(() => {}), 2000);
