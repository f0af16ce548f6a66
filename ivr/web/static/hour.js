// The screen of an official who takes calls himself: takes in what is new of his line over server-sent events and
// lets the clocks run. When another call is on, the page follows, unless something is typed that would be lost.

import { watch } from "./watching.js";

const page = document.querySelector("[data-hour]");

const typed = () => page.querySelector("[data-given-back]")
  || [...page.querySelectorAll("textarea, input:not([type=hidden])")].some((each) => each.value !== each.defaultValue);

function take({ pieces, call }) {
  for (const [name, html] of Object.entries(pieces)) {
    const piece = page.querySelector(`[data-piece="${name}"]`);
    if (piece.dataset.last === html) continue;
    const focused = piece.contains(document.activeElement) && document.activeElement.tagName;
    piece.innerHTML = html;
    piece.dataset.last = html;
    if (focused === "BUTTON") piece.querySelector("button:not([disabled])")?.focus({ preventScroll: true });
  }
  if (!call || call === page.dataset.current) return;
  if (typed()) page.querySelector("[data-another]").hidden = false;
  else location.assign(page.dataset.page);
}

watch(page.dataset.stream, take, page.dataset.at);
