// An open page that is told what is new of calls: its stream, whether that is lost, and clocks that run by the server's.

import { whyOut } from "./panel.js";
import { within } from "./within.js";

const two = new Intl.NumberFormat("fa-IR", { minimumIntegerDigits: 2, useGrouping: false });
const plain = new Intl.NumberFormat("fa-IR", { useGrouping: false });
const AGAIN = 5_000; // milliseconds
let ahead = 0;  // how much this clock is ahead of the server's, in milliseconds

function tick() {
  for (const time of document.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - ahead - time.dataset.since) / 1000));
    const text = `${plain.format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
    if (time.textContent !== text) time.textContent = text;
  }
}

/** Why nobody is told anything any more: no session; "" where there is one, or nobody knows. Asking is no use of it. */
export async function over() {
  const headers = { "HX-Request": "true", "X-Watching": "1" };
  const answer = await fetch("/panel/account", { headers, signal: within(AGAIN) }).catch(() => null);
  return answer?.status === 401 ? whyOut(answer.headers.get("X-CSRF-Token")) : "";
}

/** `take` shows each message; its `at` is the server's clock. `at`: what that showed when the page was made. */
export function watch(stream, take, at = Date.now()) {
  const lost = document.querySelector("[data-lost]"), cut = lost.textContent;
  let events, again, ended = "";
  ahead = Date.now() - at;
  const leave = () => {
    clearTimeout(again);
    events?.close();
    events = null;
    ended = "";
  };
  const follow = () => {
    leave();
    const its = events = new EventSource(stream);
    its.addEventListener("message", ({ data }) => {
      const told = JSON.parse(data);
      ahead = Date.now() - told.at;
      take(told);
      tick();
    });
    its.addEventListener("open", () => { lost.hidden = true; });
    its.addEventListener("error", async () => {
      lost.hidden = false;
      if (its.readyState !== EventSource.CLOSED) {
        lost.textContent = cut;
        return;
      }
      // Answered with 502 or 503, or by a page, a browser never asks again by itself.
      const why = await over();
      if (its !== events) return; // left meanwhile
      lost.textContent = why || cut;
      ended = why;
      if (!ended) again = setTimeout(follow, AGAIN);
    });
  };
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => event.persisted && follow()); // on the way back it is as it was left
  // Whoever comes back may have signed in elsewhere.
  const back = () => { if (ended && !document.hidden) follow(); };
  document.addEventListener("visibilitychange", back);
  addEventListener("focus", back);
  follow();
  setInterval(tick, 1000);
  tick();
}
