// The prompts page: play in the list, record with the microphone into a WAV that goes the way of an upload.

import { Recorder, showTime } from "./recorder.js";

const WORKLET = new URL("./recorder-worklet.js", import.meta.url);
let playing = null;
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-plays]");
  if (!button) return;
  playing?.pause();
  if (playing?.dataset.of === button.dataset.plays && !playing.ended) {
    playing = null;
    return;
  }
  playing = new Audio(button.dataset.plays);
  playing.dataset.of = button.dataset.plays;
  playing.play();
});

const booth = document.getElementById("booth");
if (booth && navigator.mediaDevices && window.AudioWorkletNode) prepare(booth);

function prepare(booth) {
  const [record, stop, level, state, own, file, clock] =
    ["record", "stop", "level", "state", "own", "file", "clock"].map((id) => document.getElementById(id));
  const { most } = booth.dataset;
  let running = null, cut = false;
  document.getElementById("microphone").hidden = false;

  record.addEventListener("click", async () => {
    cut = false;
    try {
      // Plain sound: what makes calls clear makes a prompt dull.
      running = await Recorder.start(WORKLET, most, (loud, seconds, full) => {
        level.value = loud;
        showTime(clock, seconds, most);
        cut = full;
        if (full) stop.click();
      }, false);
    } catch (error) {
      const { none, refused, failed } = booth.dataset;
      state.textContent = { NotFoundError: none, NotAllowedError: refused }[error.name] ?? failed;
      return;
    }
    state.textContent = booth.dataset.recording;
    record.hidden = true;
    own.hidden = true;
    stop.hidden = level.hidden = false;
    stop.focus();
  });

  stop.addEventListener("click", async () => {
    const wav = await running.stop();
    const files = new DataTransfer();
    files.items.add(new File([wav], "microphone.wav", { type: "audio/wav" }));
    file.files = files.files;
    file.dispatchEvent(new Event("change"));
    own.src = URL.createObjectURL(wav);
    own.hidden = record.hidden = false;
    stop.hidden = level.hidden = true;
    clock.textContent = "";
    record.textContent = booth.dataset.redo;
    state.textContent = cut ? booth.dataset.longest : booth.dataset.recorded;
    (own.nextElementSibling?.querySelector("button") ?? own).focus();
  });
}
