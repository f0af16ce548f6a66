// A board asks for itself again; when nobody answers it stays as it was and says that it is not fresh.

import { within } from "./within.js";

const board = document.querySelector("[data-board]");
const EVERY = 3_000, PATIENCE = 8_000; // milliseconds

async function again() {
  try {
    const answer = await fetch(location.pathname, { headers: { "HX-Request": "true" }, redirect: "error", signal: within(PATIENCE) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const text = await answer.text(), piece = board.querySelector("[data-piece]");
    if (piece.dataset.last !== text) piece.innerHTML = text;
    piece.dataset.last = text;
    board.querySelector("[data-stale]").hidden = true;
  } catch {
    board.querySelector("[data-stale]").hidden = false;
  }
  setTimeout(again, EVERY);
}

setTimeout(again, EVERY);
