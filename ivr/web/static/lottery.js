// The lottery: one click rings the citizen with the telephone of this browser on the line. Without it the page
// shows the code that another telephone of the office dials.

import { dialpad } from "./dialpad.js";
import { sent, toast } from "./panel.js";

const face = document.querySelector("[data-phone]");
const phone = dialpad(face);
const wrong = face.querySelector("[data-wrong]");
const away = face.querySelector('[data-act="put-away"]');
let talked = false, asking = false;

// Whether a reload would throw away what is being written of what came of it.
const written = () => [...document.querySelectorAll("textarea, input")].some((each) =>
  each.type === "radio" ? each.checked !== each.defaultChecked : each.value !== each.defaultValue);

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-ring]");
  if (!form) return;
  event.preventDefault();
  if (asking || phone.state !== "idle") return; // one call at a time: a second press costs her the first
  asking = true;
  wrong.hidden = true;
  face.hidden = false;
  try {
    const answer = await sent(form.action, new FormData(form), { Accept: "application/json" });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.wrong);
    talked = true;
    phone.call(told.dial, { speaking: true });
  } catch (error) {
    wrong.textContent = error instanceof SyntaxError || error instanceof TypeError ? face.dataset.failed : error.message;
    wrong.hidden = away.hidden = false;
  } finally {
    asking = false;
  }
});

// Any other form leads to another page, which cuts her off. Captured: before panel.js takes it for sent.
document.addEventListener("submit", (event) => {
  if (phone.state === "idle" || !event.target.matches("main form:not([data-ring])")) return;
  event.preventDefault();
  event.stopPropagation();
  toast(face.dataset.talks, "bad");
}, true);

phone.addEventListener("change", () => {
  const idle = phone.state === "idle";
  away.hidden = !(idle && phone.trouble);
  if (!idle || phone.trouble || !talked) return;
  if (written()) face.hidden = true;
  else location.replace(location.pathname);  // what came of it stands there
});
away.addEventListener("click", () => { face.hidden = true; });
