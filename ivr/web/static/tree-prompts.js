// Beside the editor: what the step in which one stands says, to be heard.

const place = document.getElementById("tree-prompts"), words = place.dataset;
let prompts = {}, step = "", playing = null;

document.addEventListener("tree-prompts", ({ detail }) => { if (Object.keys(detail).length) prompts = detail; show(); });
document.addEventListener("tree-step", ({ detail }) => { step = detail; show(); });

/** The ids that stand in the step's lines, in their order. */
function ids() {
  const lines = document.querySelector("#tree-form textarea").value.split("\n");
  const from = lines.findIndex((line) => line.startsWith(`  ${step}:`));
  const after = lines.slice(from + 1).findIndex((line) => /^ {0,2}[a-z]/.test(line));
  const own = lines.slice(from, after < 0 ? undefined : from + 1 + after).join("\n");
  return Object.keys(prompts).filter((id) => new RegExp(`[\\[,\\s]${id.replace(/\./g, "\\.")}[\\],\\s]`).test(own));
}

function show() {
  const found = step ? ids() : [];
  place.hidden = !found.length;
  place.replaceChildren(...found.flatMap((id) => Object.entries(prompts[id]).map(([language, text]) => line(id, language, text))));
}

function line(id, language, text) {
  const row = document.createElement("div"), hear = document.createElement("button"), said = document.createElement("bdi"), change = document.createElement("a");
  row.className = "spoken";
  Object.assign(hear, { type: "button", className: "button bare little square", textContent: "▶" });
  hear.setAttribute("aria-label", `${words.hear} ${id} ${language}`);
  hear.addEventListener("click", () => {
    playing?.pause();
    playing = new Audio(`/panel/prompts/${language}/${id}/audio`);
    playing.play();
  });
  Object.assign(said, { textContent: text, lang: language, dir: "auto" });
  Object.assign(change, { href: `/panel/prompts/${language}/${id}`, textContent: words.change, target: "_blank", className: "small" });
  row.append(hear, said, change);
  return row;
}
