// Shows the shop's news where they were asked for; answers for the card's pages alone.
const STOP = { en: "Stop receiving", es: "No recibir más" };
const language = self.navigator.language.slice(0, 2);

self.addEventListener("push", (event) => {
  const { title, text, to, stop, tag } = event.data.json();
  const actions = stop ? [{ action: "stop", title: STOP[language] ?? "Ne plus recevoir" }] : [];
  const shown = { body: text, tag, data: { to, stop }, actions };
  event.waitUntil(self.registration.showNotification(title, shown));
});

self.addEventListener("notificationclick", (event) => {
  const { to, stop } = event.notification.data;
  event.notification.close();
  event.waitUntil(clients.openWindow(event.action === "stop" ? stop : to));
});
