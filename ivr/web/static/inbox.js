// The inbox by keyboard, its deeds on many cases, its sounds. News come by inbox-news.js. Reading works without.

import { saidOf, sent, toast } from "./panel.js";
import { leaving, returned } from "./among.js";
import { follow, refresh } from "./inbox-news.js";
import { switchedOff } from "./letter-keys.js";

const list = document.querySelector(".list");
const words = list.dataset;
const rows = () => [...list.querySelectorAll("tr.case")];
const here = () => list.querySelector("tr.case.at");
const persian = (text) => String(text).replace(/\d/g, (digit) => "\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9"[digit]);

// A phone shows cases first, filters when asked for.
if (window.matchMedia("(max-width: 52rem)").matches && rows().length) document.querySelector(".sieve").open = false;

// ── moving ──
function stand(row) {
  if (!row) return;
  here()?.classList.remove("at");
  row.classList.add("at");
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const all = rows();
  const at = all.indexOf(here());
  stand(all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)]);
}

list.addEventListener("focusin", (event) => {
  const row = event.target.closest("tr.case");
  if (row && row !== here()) {
    here()?.classList.remove("at");
    row.classList.add("at");
  }
});

// ── picking ──
const deeds = document.querySelector(".deeds");
const all = document.getElementById("pick-all");
const boxes = () => [...list.querySelectorAll("tr.case .pick input")];
const picked = () => boxes().filter((box) => box.checked).map((box) => box.value);

// What is sent tells what was looked at: the case, and its last event when it was picked.
const seen = (row) => `${row.dataset.code}:${row.dataset.seq}`;

function count() {
  const codes = picked();
  if (deeds) {
    // Hidden, the bar would let the focus fall to the page's beginning.
    if (!codes.length && deeds.contains(document.activeElement)) (here() ?? all)?.focus({ preventScroll: true });
    deeds.hidden = !codes.length;
    deeds.querySelector(".picked").textContent = words.picked.replace("#", persian(codes.length));
  }
  if (all) {
    all.checked = codes.length > 0 && codes.length === boxes().length;
    all.indeterminate = codes.length > 0 && !all.checked;
  }
}

if (all) all.hidden = false; // without this script it could pick nothing
all?.addEventListener("change", () => {
  for (const box of boxes()) tick(box, all.checked);
  count();
});
list.addEventListener("change", (event) => {
  if (event.target.name === "codes") tick(event.target, event.target.checked);
  count();
});

function tick(box, on) {
  if (on) box.value = seen(box.closest("tr.case"));
  box.checked = on;
}

function pick(row) {
  if (!row) return;
  const box = row.querySelector(".pick input");
  tick(box, !box.checked);
  count();
}

function letGo() {
  for (const box of boxes()) box.checked = false;
  count();
}

// ── deeds ──
const wanted = () => (picked().length ? picked() : here() ? [seen(here())] : []);

function open(name) {
  const form = document.getElementById(`deed-${name}`);
  const codes = wanted();
  if (!form || !codes.length) return;
  if (form.tagName === "FORM") {
    send(form, codes);
    return;
  }
  const inner = form.querySelector("form");
  inner.querySelector("h2").textContent = inner.dataset.title.replace("#", persian(codes.length));
  inner.wanted = codes; // as they were when she decided, whatever happens behind the dialog
  form.showModal();
}

for (const button of document.querySelectorAll("[data-deed]")) {
  button.addEventListener("click", () => open(button.dataset.deed));
}
for (const form of document.querySelectorAll("dialog[id^=deed-] form, form[id^=deed-]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, form.wanted ?? wanted());
  });
}

async function send(form, codes) {
  const fields = new URLSearchParams(new FormData(form));
  for (const code of codes) fields.append("codes", code);
  const button = form.querySelector("button.main");
  if (button) button.disabled = true;
  try {
    const answer = await sent(form.action, fields);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    tell(page.getElementById("told"), form, codes);
  } catch (error) {
    toast(saidOf(error, document.body.dataset.offline), "bad");
  } finally {
    if (button) button.disabled = false;
  }
}

function tell(told, form, codes) {
  if (!told) {
    toast(document.body.dataset.failed, "bad");
    return;
  }
  const whole = told.dataset.all !== "0" && told.dataset.done === told.dataset.all;
  if (told.dataset.all !== "0") {
    form.closest("dialog")?.close();
    form.reset();
    letGo();
    refresh(codes.map((each) => each.split(":")[0]));
  }
  if (whole) {
    toast(told.querySelector("h2").textContent);
  } else {
    const dialog = document.getElementById("outcomes");
    dialog.querySelector(".stack").replaceChildren(...told.childNodes);
    dialog.showModal();
  }
}

// Links that only close are for pages without dialogs; focus goes back to where one stood.
document.getElementById("outcomes").addEventListener("click", (event) => {
  if (event.target.closest("[data-closes]")) event.preventDefault();
});
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => here()?.focus({ preventScroll: true }));
}

// ── sound ──
const player = document.querySelector(".player");
const audio = player.querySelector("audio");
let sounds = []; // the ids of the case's recordings, and which of them it is
let number = 0;

function play(row) {
  if (!row?.dataset.sounds) return;
  if (row.classList.contains("sounds")) {
    if (audio.ended) sound(0);
    else if (audio.paused) audio.play();
    else audio.pause();
    return;
  }
  silence();
  row.classList.add("sounds");
  player.hidden = false;
  sounds = row.dataset.sounds.split(" ");
  player.querySelector(".name").textContent = words.playing.replace("#", persian(row.dataset.code));
  sound(0);
}

function sound(which) {
  number = which;
  const place = player.querySelector(".place");
  place.hidden = sounds.length < 2;
  place.textContent = words.place.replace("#", persian(number + 1)).replace("#", persian(sounds.length));
  audio.src = `/panel/recordings/${sounds[number]}`;
  audio.play().catch(() => {});
}

// She added to her words: they are heard one after another.
audio.addEventListener("ended", () => number + 1 < sounds.length && sound(number + 1));

function silence() {
  list.querySelector(".sounds")?.classList.remove("sounds");
  audio.pause();
  player.hidden = true;
}

audio.addEventListener("error", () => {
  if (!player.hidden) toast(words.unheard, "bad");
  silence();
});
player.querySelector("[data-stop]").addEventListener("click", silence);
list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-play]");
  const row = event.target.closest("tr.case");
  if (button) play(row);
  else if (row && !event.target.closest("a, input, button")) stand(row);
});
list.addEventListener("dblclick", (event) => event.target.closest("tr.case")?.querySelector("a.code")?.click());

// ── keys, by their place: a Persian keyboard has other letters there ──
const KEYS = {
  KeyJ: () => move(1),
  KeyK: () => move(-1),
  KeyX: () => pick(here()),
  KeyA: () => open("refer"),
  KeyM: () => open("mine"),
  KeyN: () => list.querySelector(".news:not([hidden])")?.click(),
  Space: () => play(here()),
  Enter: () => here()?.querySelector("a.code").click(),
  NumpadEnter: () => here()?.querySelector("a.code").click(),
  Escape: letGo,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, audio")) {
    if (event.code === "Escape") event.target.blur();
    return;
  }
  if (switchedOff(event)) return;
  if (event.code === "Slash") {
    event.preventDefault();
    if (event.shiftKey) document.getElementById("help").showModal();
    else document.getElementById("seek").focus();
    return;
  }
  const own = event.target.closest("a, button, input, summary");
  if (own && ["Enter", "NumpadEnter", "Space"].includes(event.code)) return;
  const act = event.shiftKey ? undefined : KEYS[event.code];
  if (!act) return;
  event.preventDefault();
  act();
});

window.addEventListener("pagehide", () => leaving(here()?.dataset.code ?? ""));
// After the browser has put the page where it was.
const place = () => requestAnimationFrame(() => stand(returned((code) => document.getElementById(`case-${code}`))));
if (document.readyState === "complete") place();
else window.addEventListener("load", place);

follow(list);
