// The live board: takes in what is new over server-sent events, lets the clocks run, and asks before a supervisor
// steps into a call. Without it the board is as it was when the page was opened, and its buttons lead to forms.

import { dialpad } from "./dialpad.js";
import { sent, toast } from "./panel.js";
import { watch } from "./watching.js";

const board = document.querySelector("[data-board]");
const rows = board.querySelector("[data-rows]");

function element(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  return holder.content.firstElementChild;
}

function take({ pieces, rows: fresh, order }) {
  for (const [name, html] of Object.entries(pieces)) board.querySelector(`[data-piece="${name}"]`).innerHTML = html;
  const there = new Map([...rows.children].map((row) => [row.dataset.call, row]));
  for (const [id, html] of Object.entries(fresh)) {
    const row = element(html);
    const old = there.get(id);
    // A button that is about to be pressed stays under the finger.
    const focused = old?.contains(document.activeElement) && document.activeElement.dataset.intervention;
    if (old) old.replaceWith(row);
    else row.classList.add("fresh");
    there.set(id, row);
    if (focused) row.querySelector(`[data-intervention="${focused}"]`)?.focus({ preventScroll: true });
  }
  for (const [id, row] of there) if (!order.includes(id)) row.remove();
  order.forEach((id, index) => {
    const row = there.get(id);
    if (row && rows.children[index] !== row) rows.insertBefore(row, rows.children[index] ?? null);
  });
  board.querySelector("[data-none]").hidden = order.length > 0;
}

watch(board.dataset.stream, take);

// ── stepping in ──
const face = document.querySelector("[data-phone]");
const phone = face && dialpad(face);
const dialog = document.getElementById("intervene");
const form = dialog?.querySelector("form");
let meant = {}, doing = "", asking = false; // what the dialog asks about, and what the telephone was last taken up for

function show(parts, which, name) {
  for (const each of parts) each.hidden = each.dataset[name] !== which;
}

board.addEventListener("click", (event) => {
  const link = event.target.closest("[data-intervention]");
  if (!link || !dialog) return;
  event.preventDefault();
  const talks = phone && phone.state !== "idle" && doing === "take";
  if (talks && link.dataset.intervention !== "end") return toast(face.dataset.talks, "bad");
  meant = { action: link.dataset.intervention, whose: link.closest("tr").querySelector("[data-number]").textContent };
  form.action = link.href;
  form.reset();
  show(dialog.querySelectorAll("[data-for]"), meant.action, "for");
  dialog.querySelector("[data-whose]").textContent = meant.whose;
  for (const part of ["wrong", "dials"]) dialog.querySelector(`[data-${part}]`).hidden = true;
  dialog.querySelector("[data-asks]").hidden = false;
  dialog.showModal();
});

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (asking) return; // a second press would hang up on whom the first one rang
  asking = true;
  const wrong = dialog.querySelector("[data-wrong]"), its = meant;
  try {
    const answer = await sent(form.action, new FormData(form), { Accept: "application/json" });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.wrong);
    if (!told.dial) return dialog.close();
    if (phone && told.browser) {
      dialog.close();
      return dial(told.dial, its);
    }
    show(dialog.querySelectorAll("[data-for]"), "", "for");
    dialog.querySelector("[data-asks]").hidden = true;
    dialog.querySelector("[data-dial]").textContent = told.dial;
    dialog.querySelector("[data-dials]").hidden = false;
  } catch (error) {
    wrong.textContent = error instanceof SyntaxError || error instanceof TypeError ? document.body.dataset.failed : error.message;
    wrong.hidden = false;
  } finally {
    asking = false;
  }
});

function dial(number, its) {
  phone.hangUp();
  doing = its.action;
  show(face.querySelectorAll("[data-doing]"), doing, "doing");
  face.querySelector("[data-whom]").textContent = its.whose;
  face.querySelector("[data-mine]").hidden = doing !== "take";
  face.hidden = false;
  phone.call(number, { speaking: doing === "take" });
}

phone?.addEventListener("change", () => {
  const idle = phone.state === "idle";
  if (doing !== "take") face.querySelector('[data-act="mute"]').hidden = true;
  face.querySelector('[data-act="put-away"]').hidden = !(idle && phone.trouble);
  if (idle && !phone.trouble) face.hidden = true;
});
face?.querySelector('[data-act="put-away"]').addEventListener("click", () => { face.hidden = true; });
