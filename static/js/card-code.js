// The code on an open card: the server makes another one every half minute, by its own clock. The
// ring tells how long this one stands. Without network an old one is covered: it is worth nothing.
const EVERY = 30000;
const LASTS = 120000;
const AGAIN = 4000; // ms until the next try
const box = document.getElementById("code");
const ring = box.querySelector(".ring circle");
const over = box.querySelector("[data-over]");

let timer;
let made = 0; // when this code's half minute began, by the page's own clock

function stand(left) {
  made = performance.now() - (EVERY - left);
  box.classList.remove("over");
  over.hidden = true;
  for (const turn of ring.getAnimations()) turn.currentTime = EVERY - left;
  clearTimeout(timer);
  timer = setTimeout(renew, left + 50);
}

async function fetched() {
  const answer = await fetch(box.dataset.from, { cache: "no-store" });
  if (answer.status === 404) location.reload(); // the card has another link now
  if (!answer.ok) throw new Error(`code: ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  box.querySelector(".qr svg").replaceWith(document.adoptNode(page.querySelector("svg")));
  return Number(answer.headers.get("Code-Left"));
}

async function renew() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    stand(await fetched());
  } catch {
    if (performance.now() - made > LASTS) {
      box.classList.add("over");
      over.hidden = false;
    }
    timer = setTimeout(renew, AGAIN);
  }
}

document.addEventListener("visibilitychange", renew);
addEventListener("online", renew);
addEventListener("pageshow", (event) => { if (event.persisted) renew(); });
stand(Number(box.dataset.left));
