// The lottery: one click rings the citizen with the telephone of this browser on the line. Without it the page
// shows the code that another telephone of the office dials.

import { dialpad } from "./dialpad.js";

const face = document.querySelector("[data-phone]");
const phone = dialpad(face);
const wrong = face.querySelector("[data-wrong]");
const away = face.querySelector('[data-act="put-away"]');
let talked = false;

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-ring]");
  if (!form) return;
  event.preventDefault();
  wrong.hidden = true;
  face.hidden = false;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.wrong);
    talked = true;
    phone.hangUp();
    phone.call(told.dial, { speaking: true });
  } catch (error) {
    wrong.textContent = error instanceof SyntaxError || error instanceof TypeError ? face.dataset.failed : error.message;
    wrong.hidden = away.hidden = false;
  }
});

phone.addEventListener("change", () => {
  const idle = phone.state === "idle";
  away.hidden = !(idle && phone.trouble);
  if (idle && !phone.trouble && talked) location.replace(location.pathname);  // what came of it stands there
});
away.addEventListener("click", () => { face.hidden = true; });
