// A keypad for the text in the editor: the server walks the real call flow to where the caller has to do something,
// here its prompts are played, keys are taken as on a telephone, and silence counts in seconds.

import { saidOf, sent } from "./panel.js";
import { voiced } from "./tree-voice.js";

const dialog = document.getElementById("tree-phone"), form = document.getElementById("tree-form");
const opener = document.getElementById("tree-try"), words = dialog.dataset;
const [heard, state, stepName, operator, enquiry] = ["heard", "state", "step", "operator", "enquiry"].map((name) => document.getElementById(`phone-${name}`));
const plain = new Intl.NumberFormat("fa-IR", { useGrouping: false });
const LATIN = Object.fromEntries([..."0123456789"].map((digit) => [plain.format(digit), digit]));
let keys = [], waits = { for: "" }, pressed = "", timer = 0, playing = null, turn = 0, since = 0;

opener.hidden = false;
opener.addEventListener("click", () => { dialog.showModal(); again(); });
dialog.addEventListener("close", () => { turn++; hush(); });
document.getElementById("phone-again").addEventListener("click", again);
document.getElementById("phone-skip").addEventListener("click", () => { hush(); ready(); });
dialog.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button?.dataset.digit) press(button.dataset.digit);
  if (button?.dataset.token) send(button.dataset.token);
});
dialog.addEventListener("keydown", (event) => {
  const key = LATIN[event.key] ?? event.key;
  if (!event.ctrlKey && !event.altKey && /^[0-9*#]$/.test(key)) { event.preventDefault(); press(key); }
});

function again() {
  keys = [];
  heard.replaceChildren();
  walk();
}

/** Everything from the beginning, with one token more: the server keeps nothing. */
async function send(token) {
  if (!waits.for) return;
  if (token === "hangup") token = waits.for === "words" ? `r:${spoken()}!` : "hangup";
  hush();
  add(token === "-" ? words.silence : token === "." ? "" : token.startsWith("r:") ? words.recording : token.replace(/\d/g, (digit) => plain.format(digit)), "hers");
  keys.push(token);
  await walk();
}

async function walk() {
  const mine = ++turn;
  hush();
  pressed = "";
  waits = { for: "" };
  say("");
  const body = new URLSearchParams({ text: form.elements.text.value, keys: keys.join(" ") });
  let told;
  try {
    told = await (await sent(form.dataset.walk, body)).json();
  } catch (error) {
    told = { wrong: saidOf(error, words.away) };
  }
  if (mine !== turn) return;
  if (told.wrong) { say(told.wrong); return; }
  waits = told.waits;
  stepName.textContent = told.step;
  operator.hidden = waits.for !== "operator";
  enquiry.hidden = waits.for !== "enquiry";
  document.dispatchEvent(new CustomEvent("tree-walked", { detail: told }));
  await play(told.heard, mine);
  if (mine !== turn) return;
  for (const { code } of told.outcome ? told.cases : []) add(`${words.case} ${plain.format(code)}`, "now");
  if (told.outcome) say(told.outcome === "hung_up" ? words.hungUp : words.over);
  else ready();
}

/** One after another, as the caller hears them; where a prompt has no sound its words stand there. */
async function play(sounds, mine) {
  for (const { id, language, text, say: spoken } of sounds) {
    if (text) add(text, "now", language);
    if (!id && !spoken) continue;
    const address = id ? `${words.prompts}/${language}/${id}/audio` : await voiced(spoken, language).catch(() => "");
    if (mine !== turn) break;
    if (!address) continue;
    await new Promise((over) => {
      playing = new Audio(address);
      playing.over = over;
      for (const event of ["ended", "error"]) playing.addEventListener(event, over);
      playing.play().catch(over);
    });
    if (mine !== turn || skipping) break;
  }
  skipping = false;
  playing = null;
}

let skipping = false;
function hush() {
  clearTimeout(timer);
  if (!playing) return;
  skipping = true;
  playing.pause();
  playing.over();
  playing = null;
}

/** It was said: now she has so many seconds. */
function ready() {
  if (waits.for === "speech") { send("."); return; }
  if (waits.for === "words") { since = Date.now(); say(words.beep); beep(); }
  if (waits.for === "operator") say(words.operator);
  if (waits.for === "enquiry") say(words.enquiry);
  if (waits.for !== "keys") return;
  say(words.waits);
  clearTimeout(timer);
  timer = setTimeout(() => send(pressed || "-"), 1000 * (pressed ? waits.next : waits.first));
}

function press(key) {
  if (waits.for === "words" && key === "#") { send(`r:${spoken()}`); return; }
  if (waits.for === "enquiry" || (waits.for === "speech" && waits.barge_in)) { send(key); return; }
  if (waits.for !== "keys" || (playing && !waits.barge_in)) return;
  hush();
  if (key === "#") { send(`${pressed}#`); return; }
  pressed += key;
  say(pressed.replace(/\d/g, (digit) => plain.format(digit)));
  if (pressed.length >= waits.most) { send(pressed); return; }
  clearTimeout(timer);
  timer = setTimeout(() => send(pressed), 1000 * waits.next);
}

const spoken = () => Math.min(Math.max(Math.round((Date.now() - since) / 1000), 3), Math.floor(waits.most));

function beep() {
  const sound = new AudioContext(), tone = sound.createOscillator(), soft = sound.createGain();
  soft.gain.value = 0.1;
  tone.frequency.value = 1000;
  tone.connect(soft).connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 0.4);
  tone.addEventListener("ended", () => sound.close());
}

function add(text, kind, language = "fa") {
  if (!text) return;
  for (const each of heard.querySelectorAll(".now")) each.classList.remove("now");
  const line = document.createElement("li");
  Object.assign(line, { textContent: text, className: kind, lang: language, dir: "auto" });
  heard.append(line);
  heard.scrollTop = heard.scrollHeight;
}

function say(text) { state.textContent = text; }
