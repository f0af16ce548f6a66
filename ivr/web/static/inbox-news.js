// What changes while one looks: lines that are there are renewed in their place, others are only counted.

import { over } from "./watching.js";

const list = document.querySelector(".list");
const words = list.dataset;
const bar = list.querySelector(".news");
const pulse = list.querySelector(".pulse");
const fresh = new Set();
const waiting = new Set();
const first = !new URLSearchParams(location.search).has("after");
const AGAIN = 5_000; // milliseconds
let later;
let anew;
let source;
let cut = false;
let ended = "";

const digits = "\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9";
const persian = (text) => String(text).replace(/\d/g, (digit) => digits[digit]);
const row = (code) => document.getElementById(`case-${code}`);

export function follow() {
  connect();
  // A browser opens few connections to one host: pages that nobody sees give theirs back.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : again()));
  window.addEventListener("focus", () => ended && again()); // who signed in in another window comes back so
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", (event) => event.persisted && again());
}

function rest() {
  clearTimeout(anew);
  source?.close();
  source = null;
  ended = "";
}

function again() {
  connect();
  look();
}

function connect() {
  rest();
  const its = source = new EventSource(words.stream);
  its.addEventListener("open", () => {
    state("on", words.live);
    if (cut) look();
    cut = false;
  });
  its.addEventListener("error", async () => {
    cut = true;
    if (its.readyState !== EventSource.CLOSED) return state("off", words.cut);
    // Answered with 502 or 503, or by a page, a browser never asks again by itself.
    const why = await over();
    if (its !== source) return;
    state("off", why || words.cut);
    ended = why;
    if (!ended) anew = setTimeout(connect, AGAIN);
  });
  its.addEventListener("cases", (event) => tell(JSON.parse(event.data)));
}

function state(name, text) {
  pulse.className = `pulse small soft push ${name}`;
  pulse.textContent = text;
}

function tell(story) {
  if (story.look) look();
  for (const [name, number] of Object.entries(story.counts)) {
    const count = document.querySelector(`[data-count="${name}"]`);
    if (!count) continue;
    count.textContent = number;
    count.hidden = !number;
  }
  refresh(story.changed.filter(row));
  note(story.here);
}

function note(codes) {
  for (const code of codes) if (!row(code)) fresh.add(code);
  if (!fresh.size || !first) return;
  bar.textContent = words.news.replace("#", persian(fresh.size));
  bar.hidden = false;
}

// Lines anew, all that were asked for within a moment at once.
export function refresh(codes) {
  for (const code of codes) waiting.add(code);
  if (!waiting.size) return;
  clearTimeout(later);
  later = setTimeout(renew, 200);
}

async function renew() {
  const codes = [...waiting].slice(0, 100);
  codes.forEach((code) => waiting.delete(code));
  const page = await fetched(`${words.rows}/${codes.join(",")}`);
  if (!page) return;
  for (const code of codes) put(row(code), page.getElementById(`case-${code}`));
  if (waiting.size) refresh([]);
}

function put(old, renewed) {
  if (!old) return;
  if (!renewed) {
    empty(old);
    return;
  }
  if (old.dataset.seq === renewed.dataset.seq && !old.classList.contains("gone")) return;
  const focused = old.contains(document.activeElement) && document.activeElement.tagName; // one of each in a row
  renewed.classList.add("changed");
  for (const name of ["at", "sounds"]) renewed.classList.toggle(name, old.classList.contains(name));
  const [was, box] = [old, renewed].map((each) => each.querySelector(".pick input"));
  box.checked = was.checked;
  if (was.checked) box.value = was.value; // what she picked is what she saw
  old.replaceWith(renewed);
  if (focused) (renewed.querySelector(focused) ?? renewed).focus({ preventScroll: true });
}

// Whoever looks may not see or hear that case any more: only its code stays.
function empty(gone) {
  if (gone.classList.contains("sounds")) document.querySelector(".player [data-stop]").click();
  gone.classList.add("gone");
  delete gone.dataset.sounds;
  for (const cell of gone.querySelectorAll("td:not(.pick)")) {
    if (cell.contains(document.activeElement)) gone.focus({ preventScroll: true });
    cell.replaceChildren();
    cell.removeAttribute("title");
  }
}

// Something may have been missed: compare with the list as it is now.
async function look() {
  const page = await fetched(words.self);
  if (!page) return;
  const codes = (place) => [...place.querySelectorAll("tr.case")].map((each) => each.dataset.code);
  refresh(codes(list));
  note(codes(page));
  for (const count of page.querySelectorAll("[data-count]")) {
    const mine = document.querySelector(`[data-count="${count.dataset.count}"]`);
    if (!mine) continue;
    mine.textContent = count.textContent;
    mine.hidden = count.hidden;
  }
}

async function fetched(address) {
  try {
    const answer = await fetch(address, { headers: { "X-Watching": "1" } }); // no use of the session
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return null;
  }
}
