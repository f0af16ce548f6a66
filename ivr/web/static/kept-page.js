// The day's page, kept in this browser so that it can be reloaded without the server: encrypted in IndexedDB, with a
// key that stands in this tab's sessionStorage alone. Whoever opens the address in another tab, or later, has no key.
// Why so: docs/decisions/day.md.

const KEY = "day-key", BOOKS = "seda-day", CACHE = "seda-day";

// What browsers keep of the day: "later", what is to be sent, or half written; "page", the page itself.
export function books() {
  return new Promise((done, failed) => {
    const asking = indexedDB.open(BOOKS, 2);
    asking.onupgradeneeded = () => {
      const its = asking.result;
      if (!its.objectStoreNames.contains("later")) its.createObjectStore("later", { keyPath: "key" });
      if (!its.objectStoreNames.contains("page")) its.createObjectStore("page", { keyPath: "path" });
    };
    asking.onsuccess = () => {
      asking.result.onversionchange = () => asking.result.close();
      done(asking.result);
    };
    asking.onerror = () => failed(asking.error);
  });
}

async function pages(mode, act) {
  const its = await books();
  try {
    const change = its.transaction("page", mode);
    const asked = act(change.objectStore("page"));
    return await new Promise((done, failed) => {
      change.oncomplete = () => done(asked.result);
      change.onerror = change.onabort = () => failed(change.error);
    });
  } finally {
    its.close();
  }
}

async function key(make) {
  let text = sessionStorage.getItem(KEY);
  if (!text && make) {
    text = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
    sessionStorage.setItem(KEY, text);
  }
  if (!text) return null;
  const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

// `until`: a moment after which nobody can open it, in milliseconds.
export async function remember(path, html, until) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await key(true), new TextEncoder().encode(html));
  await pages("readwrite", (its) => its.put({ path, until, iv, sealed, at: Date.now() }));
}

// The page and when it was kept; null where there is none that this tab can open.
export async function recall(path) {
  const [kept, its] = [await pages("readonly", (all) => all.get(path)), await key(false)];
  if (!kept || !its) return null;
  if (kept.until <= Date.now()) {
    await forget();
    return null;
  }
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: kept.iv }, its, kept.sealed).catch(() => null);
  return plain && { html: new TextDecoder().decode(plain), at: kept.at };
}

// Nothing stays but what is still to be sent, and what was half written on a day that is not over.
export async function forget() {
  sessionStorage.removeItem(KEY);
  if (!window.indexedDB) return;
  const its = await books(), later = its.transaction("later", "readwrite").objectStore("later");
  const asked = later.getAll();
  asked.onsuccess = () => asked.result.filter((each) => each.draft && each.until <= Date.now()).forEach((each) => later.delete(each.key));
  later.transaction.oncomplete = () => its.close();
  if (!window.isSecureContext) return;
  await pages("readwrite", (its) => its.clear());
  await caches.delete(CACHE);
  for (const each of (await navigator.serviceWorker?.getRegistrations()) ?? []) await each.unregister();
}
