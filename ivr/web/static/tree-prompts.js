// Beside the editor: what the step in which one stands says, to be heard and to be said otherwise. What is changed is
// written into the text of the editor, where it can be undone, and is saved with it.

import { saidOf, sent } from "./panel.js";
import { voiced } from "./tree-voice.js";

const place = document.getElementById("tree-prompts"), words = place.dataset, form = document.getElementById("tree-form");
let prompts = {}, step = "", playing = null, last = "";
let at = "", write = null, writing = false; // of the change that is open: in which step it began, and what writes it

document.addEventListener("tree-prompts", ({ detail }) => { if (Object.keys(detail).length) prompts = detail; show(); });
document.addEventListener("tree-step", ({ detail }) => { step = detail; show(); });

/** Words that were typed and not yet written into the text: they stay in sight wherever one goes. */
export const unwritten = () => [...place.querySelectorAll("textarea")].find((each) => each.value !== each.defaultValue);

// Who saves the tree saves them too; what can't be written is told beside them, and nothing is sent.
form.addEventListener("submit", async (event) => {
  if (!unwritten()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (writing) return;
  writing = true;
  const done = await write();
  writing = false;
  if (done) form.requestSubmit(event.submitter);
  else unwritten()?.focus();
});

/** The ids that stand in the step's lines, in their order. */
function ids() {
  const lines = form.elements.text.value.split("\n");
  const steps = lines.findIndex((line) => line.startsWith("steps:"));
  const from = lines.findIndex((line, n) => n > steps && line.startsWith(`  ${step}:`));
  const after = lines.slice(from + 1).findIndex((line) => /^ {0,2}[a-z]/.test(line));
  const own = lines.slice(from, after < 0 ? undefined : from + 1 + after).join("\n");
  return Object.keys(prompts).filter((id) => new RegExp(`[\\[,\\s]${id.replace(/\./g, "\\.")}[\\],\\s]`).test(own));
}

/** A change that is being written is not taken away under one's fingers, nor is a button that stays as it is. */
function show() {
  if (unwritten() || (at === step && place.querySelector(".prompt-edit"))) return;
  const found = step ? ids() : [];
  const now = JSON.stringify(found.map((id) => [id, prompts[id]]));
  if (now === last) return;
  last = now;
  place.hidden = !found.length;
  place.replaceChildren(...found.map(shown));
}

function made(tag, properties = {}, ...inner) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inner);
  return element;
}

function shown(id) {
  const change = made("button", { type: "button", className: "button little", textContent: words.edit });
  const name = made("bdi", { className: "ltr soft small", textContent: id });
  const box = made("section", { className: "stack tight prompt" }, made("div", { className: "row" }, name, change));
  box.setAttribute("aria-label", id);
  change.setAttribute("aria-label", `${words.edit} ${id}`);
  change.addEventListener("click", () => edit(id));
  if (Object.values(prompts[id]).some((said) => said.own)) change.before(made("span", { className: "badge accent", textContent: words.own }));
  for (const [language, said] of Object.entries(prompts[id])) {
    const hear = hearing(id, language, () => said.own);
    box.append(made("div", { className: "spoken" }, hear, made("bdi", { textContent: said.own || said.text, lang: language, dir: "auto" }), voice(id, language, said)));
  }
  return box;
}

function voice(id, language, said) {
  if (said.own) return "";
  return made("a", { href: `/panel/prompts/${language}/${id}`, textContent: words.change, target: "_blank", className: "small" });
}

/** Plays what `own` gives, spoken now; where it gives nothing the prompt as callers hear it elsewhere. */
function hearing(id, language, own, wrong = () => {}) {
  const hear = made("button", { type: "button", className: "button bare little square", textContent: "▶" });
  hear.setAttribute("aria-label", `${words.hear} ${id} ${language}`);
  hear.addEventListener("click", async () => {
    playing?.pause();
    hear.setAttribute("aria-busy", "true");
    try {
      const said = own();
      playing = new Audio(said ? await voiced(said, language) : `/panel/prompts/${language}/${id}/audio`);
      await playing.play();
      wrong("");
    } catch (error) {
      wrong(saidOf(error, words.silent));
    } finally {
      hear.removeAttribute("aria-busy");
    }
  });
  return hear;
}

function edit(id) {
  if (unwritten()) return unwritten().focus(); // of another prompt
  place.querySelector(".prompt-edit")?.remove();
  last = "";
  show();
  const box = boxOf(id);
  if (!box) return;
  at = step;
  last = ""; // drawn again afterwards
  const wrong = made("p", { className: "bad small" }), languages = Object.keys(prompts[id]);
  wrong.setAttribute("role", "alert");
  const tell = (text) => { wrong.textContent = text; };
  const fields = Object.fromEntries(languages.map((language) => {
    const said = prompts[id][language];
    const area = made("textarea", { rows: 3, lang: language, dir: "auto", maxLength: 1000, id: `said-${language}`, textContent: said.own || said.spoken });
    return [language, area];
  }));
  const save = made("button", { type: "button", className: "button main", textContent: words.write });
  const usual = made("button", { type: "button", className: "button", textContent: words.usual, hidden: !languages.every((each) => prompts[id][each].spoken) });
  const stop = made("button", { type: "button", className: "button", textContent: words.stop });
  const inner = made("div", { className: "stack tight prompt-edit" }, made("bdi", { className: "ltr soft small", textContent: id }));
  for (const [language, area] of Object.entries(fields)) {
    const label = made("label", { htmlFor: area.id, textContent: words[language] ?? language });
    inner.append(made("div", { className: "field" }, made("div", { className: "row" }, label, hearing(id, language, () => area.value.trim(), tell)), area));
  }
  inner.append(wrong, made("p", { className: "soft small", textContent: words.note }), made("div", { className: "row" }, save, usual, stop));
  const close = (text) => {
    inner.remove();
    if (text === undefined) { show(); back(id); } else document.dispatchEvent(new CustomEvent("tree-text", { detail: text }));
  };
  const writeAs = async (said) => {
    try {
      const answer = await sent(words.writeTo, new URLSearchParams({ text: form.elements.text.value, prompt: id, ...said }));
      const told = await answer.json();
      if (!told.wrong) close(told.text); else tell(told.wrong);
      return !told.wrong;
    } catch (error) { tell(saidOf(error, form.dataset.away)); }
  };
  write = () => writeAs(Object.fromEntries(languages.map((each) => [`said-${each}`, fields[each].value])));
  save.addEventListener("click", write);
  usual.addEventListener("click", () => writeAs({}));
  stop.addEventListener("click", () => close());
  inner.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); close(); } });
  box.replaceChildren(inner);
  fields[languages[0]].focus();
}

const boxOf = (id) => [...place.querySelectorAll("section")].find((box) => box.getAttribute("aria-label") === id);

/** Who gave a change up elsewhere goes on in the text. */
function back(id) {
  (boxOf(id)?.querySelector("button") ?? document.querySelector(".cm-content"))?.focus();
}
