// What waits on this phone, in words: with signal beside the refused, without it on a page of its own.
const KINDS = { stamp: "Tampon", add: "Nouveau contact", give: "Récompense offerte" };
export const clock = new Intl.DateTimeFormat("fr", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export function lines(queue) {
  return queue.map((gesture) => {
    const line = document.createElement("li");
    line.textContent = `${KINDS[gesture.kind]}${gesture.name ? ` · ${gesture.name}` : ""} · ${clock.format(gesture.at)}`;
    return line;
  });
}
