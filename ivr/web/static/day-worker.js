// The service worker of one day's page. PAGE, SHELL and POLICY stand before it, as the server sends it. It answers two
// things: the page's own address, while the server does not, and the page's files. It holds no citizen's data.

const CACHE = "seda-day", PATIENCE = 10_000; // milliseconds

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The page tells which files it is made of, and hears when they are there; those of an older release go.
self.addEventListener("message", (event) => {
  event.waitUntil(store(event.data.files ?? []).then(() => event.ports[0]?.postMessage("kept")));
});

async function store(files) {
  const cache = await caches.open(CACHE);
  for (const old of await cache.keys()) if (!files.includes(old.url)) await cache.delete(old);
  for (const file of files) if (!(await cache.match(file))) await cache.add(file);
}

self.addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate" && pathname === PAGE) event.respondWith(page(request));
  else if (pathname.startsWith("/static/")) event.respondWith(file(request));
});

async function page(request) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE);
  try {
    const answer = await fetch(request, { signal: late.signal });
    if (answer.status < 500) return answer;
  } catch {
    // nobody answers
  } finally {
    clearTimeout(timer);
  }
  return new Response(SHELL, { headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY } });
}

async function file(request) {
  return (await caches.match(request.url, { cacheName: CACHE })) ?? fetch(request);
}
