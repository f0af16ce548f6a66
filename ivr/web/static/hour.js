// The screen of an official who takes calls himself: takes in what is new of his line over server-sent events and
// lets the clocks run. When another call is on, the page follows, unless something is typed that would be lost.

const page = document.querySelector("[data-hour]");
const lost = page.querySelector("[data-lost]");
const two = new Intl.NumberFormat("fa-IR", { minimumIntegerDigits: 2, useGrouping: false });
const plain = new Intl.NumberFormat("fa-IR", { useGrouping: false });

function tick() {
  for (const time of page.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - time.dataset.since) / 1000));
    const text = `${plain.format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
    if (time.textContent !== text) time.textContent = text;
  }
}

const typed = () => [...page.querySelectorAll("textarea, input:not([type=hidden])")].some((each) => each.value !== each.defaultValue);

function take({ pieces, code }) {
  for (const [name, html] of Object.entries(pieces)) {
    const piece = page.querySelector(`[data-piece="${name}"]`);
    if (piece.dataset.last === html) continue;
    const focused = piece.contains(document.activeElement) && document.activeElement.tagName;
    piece.innerHTML = html;
    piece.dataset.last = html;
    if (focused === "BUTTON") piece.querySelector("button:not([disabled])")?.focus({ preventScroll: true });
  }
  tick();
  if (!code || code === page.dataset.current) return;
  if (typed()) page.querySelector("[data-another]").hidden = false;
  else location.assign(page.dataset.page);
}

const events = new EventSource(page.dataset.stream);
events.addEventListener("message", ({ data }) => take(JSON.parse(data)));
events.addEventListener("open", () => { lost.hidden = true; });
events.addEventListener("error", () => { lost.hidden = false; });
addEventListener("pagehide", () => events.close());
setInterval(tick, 1000);
tick();
