// A link of a message was opened by a browser that runs: that is counted, and one goes on.
const next = document.querySelector("[data-seen]");

fetch(next.dataset.seen, { method: "POST", keepalive: true }).catch(() => {});
if (next.href) location.replace(next.href);
