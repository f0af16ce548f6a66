// The day of a session goes on without the server: what is done is kept in this browser (IndexedDB) with a key of
// its own, shown as done, and sent in its order once the server answers; it does each key once. The page itself is kept,
// too (kept-page.js), and a worker answers a reload with it.

import { books, forget, remember } from "./kept-page.js";
import { within } from "./within.js";

const root = document.querySelector("[data-day]");
const say = root.dataset;
const AGAIN = 4_000, PATIENCE = 15_000, REFRESH = 20_000, TWICE = 500; // milliseconds
const BEGINS = 20_000, SLOWEST = 4; // a file's time: a dead line holds up all that was done since
const GROUP = { arrive: "arrived", begin: "inside", back: "arrived", missed: "over", heard: "over" };
const PRESENCE = { arrive: "arrived", begin: "inside", back: "arrived", missed: "missed", heard: "heard" };
const digits = (text) => String(text).replace(/[0-9]/g, (d) => "۰۱۲۳۴۵۶۷۸۹"[d]);
const latin = (text) => text.replace(/[۰-۹٠-٩]/g, (d) => d.charCodeAt(0) & 15).replace(/\D/g, ""); // Arabic, too

// A key that nobody else makes; crypto.randomUUID is not there without TLS.
function newKey() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 15) | 64;
  b[8] = (b[8] & 63) | 128;
  const hex = [...b].map((n) => n.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// ── what is kept ──

let opened = books();
opened.catch(() => tell(say.noStore, "bad"));

async function store(mode, act, first = true) {
  const its = opened;
  let change;
  try {
    change = (await its).transaction("later", mode, { durability: "strict" }); // kept is on the disk, not on its way
  } catch (error) { // browsers close it for a tab that was behind others for long
    if (!first) throw error;
    if (opened === its) opened = books();
    return store(mode, act, false);
  }
  const asked = act(change.objectStore("later"));
  return new Promise((done, failed) => {
    change.oncomplete = () => done(asked.result);
    change.onerror = change.onabort = () => failed(change.error);
  });
}

// Kinds of change that the browser did not take last: from a full disk it still reads.
const unkept = new Set();

async function write(kind, what) {
  try {
    await store("readwrite", (its) => its[kind](what));
    unkept.delete(kind);
  } catch (error) {
    unkept.add(kind);
    throw error;
  }
}

const keep = (each) => write("put", each);
const drop = (key) => write("delete", key);

async function kept() {
  const all = await store("readonly", (its) => its.getAll());
  return all.filter((each) => !each.draft && each.day === say.day && each.who === say.who).sort((a, b) => a.order - b.order);
}

// What is half written is kept as it is typed, and stands in its field again when the page is opened again.

function draftOf(form) {
  const { code, order } = form.elements;
  const about = form.dataset.later === "arrive" ? "" : code?.value ?? "";
  return `draft ${say.day} ${say.who} ${form.dataset.later} ${about}${order ? ` ${order.value}` : ""}`;
}

function keepDraft(form) {
  const its = [...form.elements].filter((each) => each.matches("textarea, select, input:not([type=hidden], [type=file], [name=code])"));
  const fields = its.map((each) => [each.name, each.value]).filter(([name, text]) => name && text);
  if (form.elements.seen) fields.push(["seen", form.elements.seen.value]); // it is about the minutes that stood there then
  const changed = its.some((each) => each.value !== (each.defaultValue ?? ""));
  const key = draftOf(form);
  return changed ? keep({ key, draft: true, day: say.day, who: say.who, until: Date.parse(say.until), fields }) : drop(key);
}

async function putBack() {
  const drafts = (await store("readonly", (its) => its.getAll())).filter((each) => each.draft);
  for (const each of drafts) {
    if (Date.now() >= each.until) await drop(each.key);
    const form = [...root.querySelectorAll("form[data-later]")].find((one) => draftOf(one) === each.key);
    if (!form || Date.now() >= each.until) continue;
    for (const [name, text] of each.fields) form.elements[name].value = text;
    form.closest("details")?.setAttribute("open", "");
  }
}

// ── what is shown ──

function tell(text, look = "") {
  const place = root.querySelector("[data-net]");
  place.textContent = text;
  place.className = `notice ${look}`;
  place.hidden = !text;
}

const quiet = () => (unkept.size ? tell(say.noStore, "bad") : tell(""));

const visitor = (code) => root.querySelector(`.visitor[data-code="${code}"]`);
const value = (each, name) => each.fields.find(([key]) => key === name)?.[1] ?? "";

// As the server would answer; its own page takes the place of it later.
function show(each) {
  root.querySelector(`[data-key="${each.key}"]`)?.remove(); // sent again before the page was renewed
  const group = GROUP[each.deed], line = visitor(each.code);
  if (group && line) {
    const place = root.querySelector(`[data-group="${group}"]`);
    const behind = [...place.children].find((other) => Number(other.dataset.slot) > Number(line.dataset.slot));
    place.insertBefore(line, behind ?? null);
    line.dataset.presence = PRESENCE[each.deed];
    line.querySelector(":scope > .push")?.remove(); // what was said of her before
    mark(line.querySelector(".ticket small"));
  } else if (each.deed === "walk_in" || group) { // at the door by national ID, which the page does not know
    const line = document.createElement("li");
    line.className = "visitor unsent";
    line.dataset.key = each.key;
    line.textContent = `${value(each, "name") || `${digits(each.code.slice(-3))}•••`} `;
    mark(line);
    root.querySelector('[data-group="arrived"]').append(line);
  }
  const person = document.getElementById(`c${each.code}`);
  if (each.deed === "amend") mark(visitor(each.code)?.querySelector(".ticket small"));
  if (each.deed === "heard" && person) {
    const form = person.querySelector('[data-later="heard"]');
    form.action = form.dataset.amends;
    const button = form.querySelector("[data-amend]");
    if (button) button.textContent = button.dataset.amend;
  }
  if (person && ["order", "paper", "accepted", "objected"].includes(each.deed)) {
    const line = document.createElement("li");
    line.dataset.key = each.key;
    const typed = value(each, "words") || value(each, "note") || value(each, "reason") || value(each, "file")?.name || "";
    line.textContent = `${each.title ?? ""} ${typed} `;
    mark(line);
    person.querySelector("[data-pending]").append(line);
  }
  for (const list of root.querySelectorAll("[data-group]")) {
    list.closest("section").querySelector("[data-count]").textContent = digits(list.children.length);
  }
}

function mark(place) {
  if (!place || place.querySelector(".unsent-mark")) return;
  const badge = document.createElement("span");
  badge.className = "badge warn unsent-mark";
  badge.textContent = say.unsent;
  place.append(" ", badge);
}

// Whose it is. What was typed at the door may be her national ID, which is shown to nobody.
function whose({ code, deed }) {
  const known = document.getElementById(`c${code}`), its = document.createElement(known ? "a" : "span");
  if (known) its.href = `#c${code}`;
  its.className = "code ltr";
  its.textContent = digits(known || deed !== "arrive" ? code : `•••${code.slice(-3)}`);
  return its;
}

// What the server does not take stays with its words until somebody puts it aside or sends it again.
function showRefused(each) {
  const line = document.createElement("p");
  line.className = "notice bad";
  line.setAttribute("role", "alert");
  const words = each.fields.filter(([name, text]) => text && !["code", "agency", "people", "seen", "form", "language"].includes(name));
  const told = [...words.map(([, text]) => text.name ?? text), each.body].filter(Boolean);
  if (each.code) line.append(whose(each), " ");
  line.append(`${say.refused}: ${each.wrong} ${told.map((text) => `«${text}»`).join(" ")} `);
  const press = (text, look, does) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: `button little${look}`, textContent: text });
    button.addEventListener("click", async () => { await does(); line.remove(); });
    line.append(button, " ");
  };
  const again = { ...each, wrong: undefined };
  press(say.resend, " push", () => keep(again).then(() => { show(again); flush(); }));
  press(say.forget, "", () => drop(each.key));
  root.querySelector("[data-wrongs]").append(line);
}

// ── sending ──

let sending = false, more = false, timer = 0, keeping = 0, leaving = false;

async function send(each, first = true) {
  const body = new FormData();
  for (const [name, text] of each.fields) body.append(name, text);
  body.append("csrf", say.csrf);
  body.append("key", each.key);
  body.append("at", each.at);
  body.append("now", new Date().toISOString()); // this clock may be wrong, what lies between the two is not
  const bytes = each.fields.reduce((sum, [, text]) => sum + (text.size ?? 0), 0); // of a photograph
  const signal = within(bytes ? PATIENCE + BEGINS + bytes / SLOWEST : PATIENCE);
  const answer = await fetch(each.url, { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual", signal });
  const told = answer.headers.get("X-CSRF-Token");
  if (told === "unfinished") return "unfinished";
  if (told === "stale" && first && await pageNow()) return send(each, false); // the session is another one by now
  if (answer.type === "opaqueredirect" || answer.status === 401 || told === "stale") return "signedOut";
  if (answer.status === 403) return "elsewhere";
  if (answer.status >= 500 || answer.status === 429) throw new Error(`status ${answer.status}`);
  if (answer.ok) return "";
  const { wrong } = await answer.json().catch(() => ({}));
  return { wrong: wrong ?? document.body.dataset.failed };
}

// Whether she came in, too: taken or not, that tells that she was there.
async function tellsMore({ deed, code }) {
  return deed === "arrive" && (await kept()).some((each) => each.code === code && ["begin", "heard"].includes(each.deed));
}

async function flush() {
  if (sending) { // what was done meanwhile may be too late for this round
    more = true;
    return;
  }
  sending = true;
  more = false;
  clearTimeout(timer);
  let done = 0, left = 0;
  try {
    for (;;) {
      const waiting = (await kept()).filter((each) => !each.wrong);
      left = waiting.length;
      if (!left) break;
      if (done || left > 1) tell(say.sending.replace("{n}", digits(left)));
      const found = await send(waiting[0]);
      if (typeof found === "string" && found) return tell(say[found].replace("{n}", digits(left)), "bad");
      if (found && !await tellsMore(waiting[0])) {
        const refused = { ...waiting[0], wrong: found.wrong };
        await keep(refused);
        showRefused(refused);
      } else await drop(waiting[0].key);
      done += 1;
    }
    if (!await refresh()) return tell(say.elsewhere, "bad");
    if (done && !root.querySelector("[data-net]").hidden) {
      tell(say.online, "good");
      setTimeout(quiet, 3_000);
    } else quiet();
  } catch {
    // Whether the server is away or this browser's own store.
    const there = !unkept.size && await kept().catch(() => null);
    tell(there ? say.offline.replace("{n}", digits(left)) : say.noStore, there ? "warn" : "bad");
    timer = setTimeout(flush, AGAIN);
  } finally {
    sending = false;
    if (more) setTimeout(flush);
  }
}

// As the server wrote it; its proof is another one each time.
const bare = (its) => its.outerHTML.replace(/(name="csrf" value=")[^"]*/g, "$1");

// Links and forms that are the same stay the very ones, with what is written in them and with the focus.
function renew(piece, fresh) {
  const focused = document.activeElement;
  const old = new Map([...piece.querySelectorAll("a, form")].map((each) => [bare(each), each]));
  for (const each of fresh.querySelectorAll("a, form")) {
    const same = old.get(bare(each));
    if (same) each.replaceWith(same);
  }
  piece.replaceChildren(...fresh.childNodes);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

// The page as the server writes it now, whose proof counts from here on; null where whoever did all this may not see
// it, has something else to do first, or where somebody else is signed in.
async function pageNow() {
  const answer = await fetch(location.pathname, { signal: within(PATIENCE), redirect: "manual" });
  if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) return null;
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const text = await answer.text();
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const its = fresh.querySelector("[data-day]")?.dataset;
  if (its?.who !== say.who) return null;
  say.csrf = its.csrf;
  return { text, fresh };
}

// The page as it is now, but nothing that somebody is writing in. Whether it may be seen.
async function refresh() {
  const now = await pageNow();
  if (!now) return false;
  const waits = (await kept()).some((each) => !each.wrong);
  if (keeping || waits) return true; // done meanwhile: the answer to that will tell
  const { text, fresh } = now;
  for (const piece of root.querySelectorAll("[data-fresh]")) {
    const its = fresh.querySelector(`[data-fresh="${piece.dataset.fresh}"]`);
    if (its && bare(its) !== bare(piece)) renew(piece, its);
  }
  for (const list of root.querySelectorAll("[data-pending]")) list.replaceChildren();
  const people = root.querySelector("[data-people]");
  for (const person of fresh.querySelectorAll(".person")) {
    const there = document.getElementById(person.id);
    if (there) notHeard(there, person);
    else people.append(document.adoptNode(person));
  }
  delete document.body.dataset.kept;
  root.querySelector("[data-as-kept]").hidden = true;
  keepPage(text).catch(() => {}); // nothing waits for it: there may be no worker, ever
  return true;
}

// Who was not heard after all, for that was refused, is by the next press. Whoever was heard elsewhere is not yet made
// "write again" by it: the first press is refused, and tells that minutes may stand there.
function notHeard(there, fresh) {
  const [form, its] = [there, fresh].map((person) => person.querySelector('[data-later="heard"]'));
  if (its.getAttribute("action") === form.dataset.amends) return;
  form.action = its.getAttribute("action");
  const [button, now] = [form, its].map((each) => each.querySelector("[data-amend]"));
  if (button && now) button.textContent = now.textContent;
}

// ── kept for a reload without the server ──

const until = Date.parse(say.until);

async function keepPage(html) {
  if (!window.isSecureContext || !navigator.serviceWorker || Date.now() >= until) return;
  const { active } = await navigator.serviceWorker.ready;
  const files = performance.getEntriesByType("resource").map((each) => each.name);
  const its = files.filter((name) => new URL(name).pathname.startsWith("/static/"));
  await remember(location.pathname, html, until);
  const { port1, port2 } = new MessageChannel();
  const taken = new Promise((done) => { port1.onmessage = done; });
  active.postMessage({ files: [...new Set([...its, new URL(say.opener, location).href])] }, [port2]);
  await taken;
  root.dataset.reloadable = "yes";
}

function prepare() {
  if (document.body.dataset.kept) {
    const at = new Intl.DateTimeFormat("fa-IR", { hour: "2-digit", minute: "2-digit" }).format(Number(document.body.dataset.kept));
    const line = root.querySelector("[data-as-kept]");
    line.textContent = say.fromKept.replace("{at}", at);
    line.hidden = false;
  }
  if (!navigator.serviceWorker || Date.now() >= until) return;
  navigator.serviceWorker.register(say.worker, { scope: location.pathname }).catch(() => {});
  setTimeout(forget, Math.min(until - Date.now(), 2 ** 31 - 1));
}

// ── doing ──

let pressed = {}; // when each kind of deed was done last, with nothing typed since
document.addEventListener("input", () => { pressed = {}; }); // who has typed has not tapped twice

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-later]");
  if (!form || !window.indexedDB) return;
  event.preventDefault();
  const { later } = form.dataset, door = form.querySelector("#door");
  const twice = event.timeStamp - pressed[later] < TWICE;
  pressed[later] = event.timeStamp;
  if (twice && !door) return; // a double tap: the next citizen's button is under the finger by now
  const missing = [...form.elements].find((each) => each.required && !each.value.trim());
  if (missing) return missing.focus();
  const { people } = form.elements; // refused hours later it would cost her words
  if (people?.validity.patternMismatch) {
    people.setCustomValidity(people.dataset.wrong);
    return people.reportValidity();
  }
  const fields = [...new FormData(form)].filter(([name, text]) => name !== "csrf" && !(text instanceof File && !text.name));
  if (later === "paper" && !fields.some(([name]) => name === "file")) return form.querySelector(".file label, input").focus();
  const deed = form.getAttribute("action").split("/").pop();
  const each = { key: newKey(), day: say.day, who: say.who, deed, url: form.getAttribute("action"), fields, order: Date.now() + performance.now() % 1, at: new Date().toISOString() };
  each.code = latin(value(each, "code"));
  each.title = event.submitter?.textContent ?? "";
  each.body = form.elements.agency?.selectedOptions[0]?.text;
  keeping += 1;
  const empties = ["order", "walk_in"].includes(deed) || door;
  const written = keep(each);
  drop(draftOf(form)).catch(() => {}); // behind it, and before that of whatever is written next
  written.catch(() => {}); // told below
  try {
    show(each); // before it is kept: on a slow tablet that takes a moment, in which she would look for her deed
    if (empties) form.reset(); // at once: the next code is typed meanwhile
  } catch (error) { // no fault in showing it costs it
    reportError(error);
  }
  try {
    await written;
  } catch {
    leaving = true;
    tell(say.noStore, "bad");
    form.action = each.url;
    if (empties) for (const [name, text] of fields) form.elements[name].value = text;
    form.submit();
    return;
  } finally {
    keeping -= 1;
  }
  if (deed === "paper") {
    form.reset();
    form.querySelector("input[type=file]")?.dispatchEvent(new Event("change"));
  }
  flush();
});

root.addEventListener("input", ({ target }) => {
  const form = target.closest("form[data-later]");
  if (form) keepDraft(form).catch(() => tell(say.noStore, "bad"));
});
window.addEventListener("online", flush);
prepare();
window.addEventListener("beforeunload", (event) => {
  const unsent = !root.querySelector("[data-net]").hidden && root.querySelector(".unsent-mark");
  if (leaving || !(keeping || unsent)) return;
  event.preventDefault();
  event.returnValue = true; // before 119 Chrome asks for this alone
});

async function again() {
  if (!document.hidden) await flush();
  setTimeout(again, REFRESH);
}

for (const each of await kept().catch(() => [])) {
  if (each.wrong) showRefused(each);
  else show(each);
}
await putBack().catch(() => {});
flush();
setTimeout(again, REFRESH);
if (!location.hash) root.querySelector('.visitor[data-presence="inside"] .ticket, .visitor[data-presence="arrived"] .ticket')?.click();
