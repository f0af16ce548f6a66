// Every <audio controls> in the page's words: the browser's own player speaks the browser's language. The element
// stays what it is, for other scripts and for browsers without this one; its player stands behind it.

const words = document.body.dataset;
const whole = new Intl.NumberFormat("fa-IR", { useGrouping: false });
const two = new Intl.NumberFormat("fa-IR", { minimumIntegerDigits: 2, useGrouping: false });
const clock = (seconds) => `${whole.format(Math.floor(seconds / 60))}:${two.format(Math.floor(seconds % 60))}`;

function made(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

export function dress(audio) {
  audio.controls = false;
  const group = made("span", { className: "heard-by" });
  const button = made("button", { type: "button", className: "button little", textContent: words.sayPlay });
  const seek = made("input", { type: "range", min: 0, max: 0, step: 0.1, value: 0, dir: "ltr", disabled: true });
  const time = made("span", { className: "ltr small", textContent: "" });
  seek.setAttribute("aria-label", words.sayPosition);
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", words.sayPlayer);
  group.append(button, seek, time);
  audio.after(group);

  const show = () => {
    button.textContent = audio.paused ? words.sayPlay : words.sayPause;
    const length = Number.isFinite(audio.duration) ? audio.duration : 0;
    seek.disabled = !length;
    seek.max = length;
    seek.value = audio.currentTime;
    if (audio.error && audio.getAttribute("src")) time.textContent = words.sayTrouble;
    else time.textContent = length ? `${clock(audio.currentTime)} / ${clock(length)}` : "";
  };
  button.addEventListener("click", () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()));
  seek.addEventListener("input", () => { audio.currentTime = Number(seek.value); });
  for (const name of ["play", "pause", "ended", "timeupdate", "durationchange", "emptied", "error"]) audio.addEventListener(name, show);
  show();
}

// A recording's player (player.js) has its own.
const own = ".recording .player";
export function dressAll(root = document) {
  for (const audio of root.querySelectorAll("audio[controls]")) if (!audio.closest(own)) dress(audio);
}
dressAll();
document.addEventListener("htmx:afterSwap", ({ detail }) => dressAll(detail.target));
