// « Les recevoir sur cet appareil » : the browser is asked only once that was tapped.
const section = document.getElementById("news");
const ask = section.querySelector("[data-ask]");
const stop = section.querySelector("[data-stop]");
const able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
// Safari on a phone takes them only in a page that stands on the home screen.
const movable = navigator.standalone === false;

async function taken() {
  const known = able && await navigator.serviceWorker.getRegistration("/c/");
  return known ? known.pushManager.getSubscription() : null;
}

async function subscribed() {
  await navigator.serviceWorker.register("/c/nouvelles.js");
  const { pushManager } = await navigator.serviceWorker.ready;
  const wanted = { userVisibleOnly: true, applicationServerKey: section.dataset.key };
  try {
    return await pushManager.subscribe(wanted);
  } catch (refused) {
    const old = await pushManager.getSubscription(); // made for a key that the platform had before
    if (!old) throw refused;
    await old.unsubscribe();
    return pushManager.subscribe(wanted);
  }
}

function tell(text) {
  const told = section.querySelector("[role=status]");
  told.textContent = text;
  told.hidden = false;
}

async function answer() {
  if ((await Notification.requestPermission()) !== "granted") return section.dataset.refused;
  try {
    ask.elements.abonnement.value = JSON.stringify(await subscribed());
  } catch {
    return section.dataset.failed;
  }
  ask.submit();
  return "";
}

if (able && !(stop && await taken())) ask.hidden = false;
else if (!able && movable) section.querySelector("[data-home]").hidden = false;
if (able || movable) section.hidden = false;

ask.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  button.disabled = true;
  const sorry = await answer();
  button.disabled = false;
  if (sorry) tell(sorry);
});

stop?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await (await taken())?.unsubscribe();
  } finally {
    stop.submit();
  }
});
