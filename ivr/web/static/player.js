// One recording: its outline drawn, speed, silences skipped, marks at seconds. The <audio> element plays; without
// this script it shows its own controls.

import { switchedOff } from "./letter-keys.js";

const whole = new Intl.NumberFormat("fa-IR", { useGrouping: false });
const two = new Intl.NumberFormat("fa-IR", { minimumIntegerDigits: 2 });
export const digits = (number) => whole.format(number);
const clock = (seconds) => `${whole.format(Math.floor(seconds / 60))}:${two.format(Math.floor(seconds % 60))}`;

export class Player {
  constructor(article) {
    this.article = article;
    this.id = article.dataset.recording;
    this.audio = article.querySelector("audio");
    this.canvas = article.querySelector(".wave");
    this.seek = article.querySelector(".seek");
    this.controls = article.querySelector(".controls");
    this.outline = { seconds: Number(article.dataset.seconds), peaks: [], silences: [] };
    this.audio.controls = false;
    this.controls.hidden = false;
    this.listen();
    this.draw();
  }

  listen() {
    const { audio, controls } = this;
    controls.querySelector(".play").addEventListener("click", () => this.toggle());
    controls.querySelector(".speed").addEventListener("change", (event) => this.setSpeed(Number(event.target.value)));
    controls.querySelector(".mark")?.addEventListener("click", () => this.mark());
    this.seek.addEventListener("input", () => this.to(Number(this.seek.value)));
    this.canvas.addEventListener("click", (event) => {
      const box = this.canvas.getBoundingClientRect();
      this.to(((event.clientX - box.left) / box.width) * this.outline.seconds);
    });
    this.article.addEventListener("click", (event) => {
      const line = event.target.closest(".mark-line .to");
      if (line) this.to(Number(line.closest("[data-second]").dataset.second));
    });
    this.article.addEventListener("htmx:afterSwap", () => this.draw());
    for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, () => this.changed());
    audio.addEventListener("timeupdate", () => this.moved());
    audio.addEventListener("error", () => this.trouble(true));
    audio.addEventListener("playing", () => this.trouble(false));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // The drawing is fetched when the recording is first looked at.
  async open() {
    if (this.opened) return;
    this.opened = true;
    const answer = await fetch(`/panel/recordings/${this.id}/outline`);
    if (!answer.ok) return;
    this.outline = await answer.json();
    this.article.dataset.drawn = "yes";
    this.draw();
  }

  toggle() {
    if (this.audio.paused) this.audio.play().catch(() => this.trouble(true));
    else this.audio.pause();
  }

  to(second) {
    this.audio.currentTime = Math.min(Math.max(second, 0), this.outline.seconds);
    this.moved();
  }

  setSpeed(speed) {
    this.audio.defaultPlaybackRate = this.audio.playbackRate = speed; // another form's file begins with the default
    this.audio.preservesPitch = true;
    this.controls.querySelector(".speed").value = String(speed.toFixed(2)).replace(/0$/, "");
  }

  faster(steps) {
    const choices = [...this.controls.querySelector(".speed").options].map((option) => Number(option.value));
    const at = choices.indexOf(this.audio.playbackRate);
    this.setSpeed(choices[Math.min(Math.max(at + steps, 0), choices.length - 1)]);
  }

  setForm(form) {
    const at = this.audio.currentTime;
    const playing = !this.audio.paused;
    this.audio.src = `/panel/recordings/${this.id}?as=${form}`;
    this.audio.currentTime = at;
    if (playing) this.toggle();
  }

  mark(withNote = true) {
    const form = this.article.querySelector(withNote ? ".marking" : ".moment");
    if (!form) return;
    form.elements.second.value = this.audio.currentTime.toFixed(2);
    if (!withNote) return form.requestSubmit();
    form.hidden = false;
    form.elements.note.focus();
  }

  // While it plays, more often than the browser says so: a silence is left at its first moment.
  follow() {
    if (this.audio.paused) return;
    const now = this.audio.currentTime;
    if (this.controls.querySelector(".skip-silence").checked) {
      const silence = this.outline.silences.find(([from, until]) => now >= from && now < until - 0.05);
      if (silence) this.audio.currentTime = silence[1];
    }
    this.moved();
    requestAnimationFrame(() => this.follow());
  }

  changed() {
    const button = this.controls.querySelector(".play");
    const playing = !this.audio.paused;
    button.setAttribute("aria-pressed", String(playing));
    const word = button.querySelector("[data-play]");
    word.textContent = playing ? word.dataset.pause : word.dataset.play;
    const use = button.querySelector("use");
    use?.setAttribute("href", use.getAttribute("href").replace(/#.*/, playing ? "#pause" : "#play"));
    if (playing) this.follow();
  }

  moved() {
    const now = this.audio.currentTime;
    this.seek.value = now;
    this.controls.querySelector(".time").textContent = `${clock(now)} / ${clock(this.outline.seconds)}`;
    this.draw();
  }

  trouble(is) {
    const place = this.controls.querySelector(".trouble");
    place.textContent = is ? place.dataset.trouble : "";
  }

  draw() {
    const { canvas, outline } = this;
    const style = getComputedStyle(canvas);
    const density = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    if (canvas.width !== Math.round(width * density)) canvas.width = Math.round(width * density);
    if (canvas.height !== Math.round(height * density)) canvas.height = Math.round(height * density);
    const pen = canvas.getContext("2d");
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, width, height);
    const at = (second) => (second / Math.max(outline.seconds, 0.01)) * width;
    pen.fillStyle = style.getPropertyValue("--silence");
    pen.globalAlpha = 0.7;
    for (const [from, until] of outline.silences) pen.fillRect(at(from), 0, at(until) - at(from), height);
    pen.globalAlpha = 1;
    const played = at(this.audio.currentTime);
    const column = width / Math.max(outline.peaks.length, 1);
    outline.peaks.forEach((peak, number) => {
      const tall = Math.max((peak / 100) * (height - 8), 1);
      pen.fillStyle = style.getPropertyValue(number * column < played ? "--played" : "--unplayed");
      pen.fillRect(number * column, (height - tall) / 2, Math.max(column * 0.7, 1), tall);
    });
    pen.fillStyle = style.getPropertyValue("--at");
    pen.fillRect(Math.min(played, width - 2), 0, 2, height);
    pen.fillStyle = style.getPropertyValue("--marked");
    for (const line of this.article.querySelectorAll(".mark-line")) {
      const x = at(Number(line.dataset.second));
      pen.fillRect(x - 1, 0, 2, height);
      pen.beginPath();
      pen.moveTo(x - 5, 0);
      pen.lineTo(x + 5, 0);
      pen.lineTo(x, 8);
      pen.fill();
    }
  }
}

// Space plays, arrows seek and change the speed, m marks, n notes: of the recording that was last touched, at first
// the first one; j and k play the next and the one before. ? lists them.
const STEPS = ["KeyJ", "KeyK"];

// `onward`: what a step beyond the last recording, or before the first, leads to.
export function keys(players, onward = () => {}) {
  let current = players[0];
  const stand = (player) => {
    current = player;
    player.open();
    for (const each of players) each.article.classList.toggle("current", each === player && players.length > 1);
  };
  const step = (by) => {
    const player = players[players.indexOf(current) + by];
    if (!player) return onward(by);
    player.article.querySelector(".player").focus({ preventScroll: true });
    player.article.scrollIntoView({ block: "nearest" });
    if (player.audio.paused) player.toggle();
  };
  if (current) stand(current);
  for (const player of players) {
    for (const name of ["focusin", "pointerdown"]) player.article.addEventListener(name, () => stand(player));
    player.audio.addEventListener("play", () => {
      stand(player);
      for (const other of players) if (other !== player) other.audio.pause();
    });
  }
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=range]):not([type=checkbox]), textarea, select, dialog, [contenteditable]");
    if ((!current && !STEPS.includes(event.code)) || typing || document.querySelector("dialog[open]") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (switchedOff(event)) return;
    const pressing = event.target.closest("button, a, summary, input[type=checkbox]");
    const moves = {
      Space: () => !pressing && current.toggle(),
      ArrowRight: () => current.to(current.audio.currentTime + 5),
      ArrowLeft: () => current.to(current.audio.currentTime - 5),
      ArrowUp: () => current.faster(1),
      ArrowDown: () => current.faster(-1),
      KeyM: () => current.mark(false),
      KeyN: () => current.mark(true),
      KeyJ: () => step(1),
      KeyK: () => step(-1),
      Slash: () => event.shiftKey && document.getElementById("help").showModal(),
    };
    const inPlayer = event.target === document.body || event.target.closest(".sound");
    const move = moves[event.code]; // the key's place: a Persian layout has other letters there
    if (!move || (!inPlayer && event.code.startsWith("Arrow"))) return;
    if (move() !== false) event.preventDefault();
  });
}
