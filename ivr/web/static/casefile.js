// The case page: players, the form of what is done, an answer heard before it is given.

import { among } from "./among.js";
import { saidOf, sent } from "./panel.js";
import { keys, Player } from "./player.js";
import { Recorder, showTime } from "./recorder.js";

const players = [...document.querySelectorAll(".recording")].filter((a) => a.querySelector(".player")).map((a) => new Player(a));
keys(players, among());

// The voice itself, evened, or blind: for all recordings of the page.
for (const button of document.querySelectorAll("[data-form]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-form]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    for (const player of players) player.setForm(button.dataset.form);
  });
}

const act = document.getElementById("act");
const settled = () => {
  const form = act?.querySelector("form.deed");
  if (!form) return;
  for (const deed of document.querySelectorAll("[data-deed]")) {
    deed.toggleAttribute("aria-current", deed.dataset.deed === form.dataset.name);
  }
  (form.querySelector("[aria-invalid]") ?? form.querySelector("h3")).focus();
  prepare(form);
};
document.addEventListener("htmx:afterSwap", (event) => {
  const { target } = event.detail;
  if (target === act) settled();
  // The dialog that had the focus is gone; with it, what stands there now is read out.
  target.closest(".masked")?.querySelector("[data-revealed], [aria-invalid]")?.focus();
});
act?.addEventListener("click", (event) => {
  if (event.target.closest("[data-leave]")) {
    event.preventDefault();
    act.replaceChildren();
    for (const deed of document.querySelectorAll("[data-deed]")) deed.removeAttribute("aria-current");
  }
  const wording = event.target.closest("[data-wording]");
  if (wording) {
    const field = document.getElementById(wording.dataset.into);
    add(field, wording.dataset.wording);
    const spoken = document.getElementById("f-spoken");
    if (spoken) add(spoken, wording.dataset.spoken);
    field.focus();
  }
});

function add(field, text) {
  if (!text) return;
  field.value = field.value.trim() ? `${field.value.trim()}\n${text}` : text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function prepare(form) {
  const place = form.querySelector(".preview");
  if (!place || place.dataset.ready) return;
  place.dataset.ready = "yes";
  const [said, clock] = place.querySelector(".heard").children;
  const sound = place.querySelector(".preview-sound");
  const level = place.querySelector(".level");
  const record = place.querySelector(".record");
  const forget = place.querySelector(".forget");
  const say = (text, bad = false) => {
    said.textContent = text;
    said.classList.toggle("bad", bad);
  };
  const play = (source) => {
    sound.src = source;
    sound.hidden = false;
    sound.play().catch(() => {});
  };
  const send = async (address, body) => {
    say(place.dataset.working);
    try {
      const answer = await sent(address, body);
      if (answer.ok) say("");
      return answer;
    } catch (error) {
      say(saidOf(error, place.dataset.failed), true);
      return null;
    }
  };

  place.querySelector(".speak").addEventListener("click", async () => {
    const body = new URLSearchParams({ words: form.elements.spoken?.value.trim() || form.elements.words.value });
    const answer = await send(place.dataset.speak, body);
    if (answer?.ok) play(URL.createObjectURL(await answer.blob()));
    else if (answer) say(answer.status === 422 ? await answer.text() : place.dataset.failed, true);
  });

  // `wav`: what he said, until the server has it or he puts it aside; meanwhile nothing is given without it.
  // `cut`: he spoke for longer than is taken.
  let recorder = null, wav = null, busy = false, cut = false;
  const submit = form.querySelector("[type=submit]");
  const show = () => {
    record.setAttribute("aria-pressed", String(Boolean(recorder)));
    record.querySelector("span").textContent = recorder ? record.dataset.stop : wav && !busy ? record.dataset.again : record.dataset.start;
    level.hidden = !recorder;
    if (!recorder) clock.textContent = "";
    submit.disabled = Boolean(recorder || wav);
    forget.hidden = busy || !(wav || form.elements.voice.value);
    form.toggleAttribute("data-spoken", Boolean(recorder || wav || form.elements.voice.value)); // panel.js asks
  };
  const start = async () => {
    say("");
    try {
      recorder = await Recorder.start(new URL("./recorder-worklet.js", import.meta.url), place.dataset.most, (loud, seconds, full) => {
        if (!form.isConnected) { // left meanwhile, or before the microphone was allowed: no button would stop it
          recorder?.stop();
          recorder = null;
          return;
        }
        level.value = loud;
        showTime(clock, seconds, place.dataset.most, place.dataset.recording); // read out, it would be in it
        cut = full;
        if (full) record.click();
      });
    } catch (error) {
      const { none, refused, failed } = place.dataset;
      const why = navigator.mediaDevices ? error.name : "NotAllowedError"; // without TLS there are none
      say({ NotFoundError: none, NotAllowedError: refused }[why] ?? failed, true);
    }
  };
  const stop = async () => {
    wav = await recorder.stop();
    recorder = null;
    show();
  };
  const bring = async () => {
    const body = new FormData();
    body.append("voice", wav, "voice.wav");
    const answer = await send(place.dataset.voice, body);
    const made = [200, 422].includes(answer?.status) && (await answer.json().catch(() => null));
    if (!answer) return; // told already
    if (!made) return say(place.dataset.failed, true);
    wav = null;
    if (made.wrong) return say(made.wrong, true);
    form.elements.voice.value = made.digest;
    play(made.url);
    if (cut) say(place.dataset.longest, true);
  };
  record.addEventListener("click", async () => {
    if (busy) return;
    busy = true;
    show();
    try {
      if (recorder) await stop();
      await (wav ? bring() : start());
    } finally {
      busy = false;
      show();
    }
  });
  forget.addEventListener("click", () => {
    wav = null;
    form.elements.voice.value = "";
    sound.hidden = true;
    sound.removeAttribute("src");
    show();
    say("");
  });
  show();
}
settled();
