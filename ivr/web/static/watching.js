// An open page that is told what is new of calls: its stream, whether that is lost, and clocks that run by the server's.

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

/** `take` shows each message; its `at` is the server's clock. `at`: what that showed when the page was made. */
export function watch(stream, take, at = Date.now()) {
  const lost = document.querySelector("[data-lost]");
  let events, again;
  ahead = Date.now() - at;
  const follow = () => {
    events = new EventSource(stream);
    events.addEventListener("message", ({ data }) => {
      const told = JSON.parse(data);
      ahead = Date.now() - told.at;
      take(told);
      tick();
    });
    events.addEventListener("open", () => { lost.hidden = true; });
    events.addEventListener("error", () => {
      lost.hidden = false;
      // Answered with 502 or 503, or by a page, a browser never asks again by itself.
      if (events.readyState === EventSource.CLOSED) again = setTimeout(follow, AGAIN);
    });
  };
  addEventListener("pagehide", () => {
    clearTimeout(again);
    events.close();
  });
  addEventListener("pageshow", (event) => event.persisted && follow()); // on the way back it is as it was left
  follow();
  setInterval(tick, 1000);
  tick();
}
