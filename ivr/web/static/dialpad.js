// The face of a telephone (templates/public/phone.html): keys, meters, length, and what went wrong. No words here:
// every sentence stands in the page and is shown or hidden.

import { Phone } from "./phone.js";

const two = new Intl.NumberFormat("fa-IR", { minimumIntegerDigits: 2, useGrouping: false });
const plain = new Intl.NumberFormat("fa-IR", { useGrouping: false });
const LATIN = Object.fromEntries([..."0123456789"].map((digit) => [plain.format(digit), digit]));

/** Brings the face in `root` to life; `number` is what its call button dials. Gives the telephone. */
export function dialpad(root, number = root.dataset.extension) {
  const { url, user, secret } = root.dataset;
  const phone = new Phone({ url, user, secret });
  const all = (selector) => root.querySelectorAll(selector);
  const one = (selector) => root.querySelector(selector);
  const pressed = one("[data-pressed]"), length = one("[data-length]");

  const press = (key) => {
    if (phone.state !== "talking") return;
    phone.press(key);
    if (!pressed) return;
    pressed.value = `${pressed.value}${/\d/.test(key) ? plain.format(key) : key}`.slice(-12);
    const button = one(`[data-key="${CSS.escape(key)}"]`);
    button?.classList.add("down");
    setTimeout(() => button?.classList.remove("down"), 160);
  };

  const show = () => {
    const { state, trouble, muted } = phone;
    root.dataset.state = state;
    for (const each of all("[data-when]")) each.hidden = each.dataset.when !== state;
    for (const each of all("[data-trouble]")) each.hidden = each.dataset.trouble !== trouble;
    for (const each of all("[data-mute]")) each.hidden = (each.dataset.mute === "on") !== muted;
    for (const each of all("[data-key]")) each.disabled = state !== "talking";
    const [call, mute, hangUp] = ["call", "mute", "hang-up"].map((act) => one(`[data-act="${act}"]`));
    if (call) { call.hidden = state !== "idle"; call.disabled = false; }
    if (mute) { mute.hidden = state !== "talking"; mute.setAttribute("aria-pressed", muted); }
    if (hangUp) hangUp.hidden = state === "idle";
    if (state === "connecting") { length.textContent = ""; if (pressed) pressed.value = ""; }
    if (state === "talking") follow();
  };

  let following = false;
  const follow = () => {
    if (following) return;
    following = true;
    const step = () => {
      const { mine, theirs } = phone.levels();
      one('[data-level="mine"]').value = mine;
      one('[data-level="theirs"]').value = theirs;
      following = phone.state === "talking";
      if (!following) return;
      const seconds = Math.floor((Date.now() - phone.since) / 1000);
      length.textContent = `${plain.format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
      setTimeout(step, 100);
    };
    step();
  };

  root.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.dataset.key) press(button.dataset.key);
    if (button?.dataset.act === "call") phone.call(number);
    if (button?.dataset.act === "mute") phone.mute(!phone.muted);
    if (button?.dataset.act === "hang-up") phone.hangUp();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select")) return;
    const key = LATIN[event.key] ?? event.key;
    if (/^[0-9*#]$/.test(key)) press(key);
  });
  phone.addEventListener("change", show);
  show();
  return phone;
}
