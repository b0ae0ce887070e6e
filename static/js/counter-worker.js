// The counter's service worker. ``COMPTOIR`` (which edition, of which files) stands in the script
// that loads this one. Only files and the page without signal are kept: no page with a person in it.
const { edition, first, later, page } = self.COMPTOIR;
const CACHE = `comptoir-${edition}`;
const PATIENCE = 5000; // ms for a page, before the one that is kept
const LATER = new Set(later);
const AWAY = new Set([502, 503, 504]);

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(first.map((path) => new Request(path, { cache: path === page ? "reload" : "default" })));
  // What an earlier edition had fetched of the scanner is not fetched again.
  for (const path of later) {
    const had = await caches.match(path);
    if (had) await cache.put(path, had);
  }
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("comptoir-") && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function file(request) {
  const cache = await caches.open(CACHE);
  const path = new URL(request.url).pathname;
  const kept = await cache.match(path);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok && LATER.has(path)) await cache.put(path, answer.clone());
  return answer;
}

// A network that takes its time over the first byte is none; an overloaded server is none either.
async function visit(request) {
  const kept = async () => (await caches.open(CACHE)).match(page);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE);
  try {
    const answer = await fetch(request, { signal: late.signal });
    return AWAY.has(answer.status) ? await kept() || answer : answer;
  } catch {
    return await kept() || Response.error();
  } finally {
    clearTimeout(timer);
  }
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
// For a phone that means to go where there is no signal: the scanner too, before it is wanted.
async function keepScanner() {
  const cache = await caches.open(CACHE);
  for (const path of later) if (!await cache.match(path)) await cache.add(path);
}

self.addEventListener("message", (event) => {
  if (event.data === "reload") self.skipWaiting();
  if (event.data === "scanner") event.waitUntil(keepScanner());
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && pathname.startsWith("/comptoir/")) event.respondWith(visit(request));
  else if (first.includes(pathname) || LATER.has(pathname)) event.respondWith(file(request));
});
