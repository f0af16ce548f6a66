// The editor of a menu tree: CodeMirror over the form's text field, mistakes at the edge and the picture beside it as
// one types. Without this the field itself is the editor.

import * as cm from "./vendor/codemirror.min.js";
import { saidOf, sent } from "./panel.js";
import { offersAt, stepsOf } from "./tree-place.js";
import { unwritten } from "./tree-prompts.js";

const form = document.getElementById("tree-form");
const area = form.querySelector("textarea");
const words = form.dataset;
const picture = document.getElementById("tree-picture");
const schema = fetch(words.schema).then((answer) => answer.json());
const t = cm.tags;
const PAUSE = 450; // milliseconds without a key before the text is looked at
const AGAIN = [2000, 30_000]; // milliseconds until a server that did not answer is asked again, at first and at most

const looks = cm.HighlightStyle.define([
  { tag: [t.propertyName, t.definition(t.propertyName)], class: "y-key" },
  { tag: [t.string, t.content, t.attributeValue], class: "y-value" },
  { tag: t.lineComment, class: "y-comment" },
  { tag: [t.number, t.bool, t.keyword], class: "y-value" },
  { tag: [t.separator, t.punctuation, t.squareBracket, t.brace], class: "y-mark" },
]);

async function complete(context) {
  const found = offersAt(await schema, context.state.doc.toString(), context.pos);
  if (!found.options.length || (!found.word && !context.explicit && !context.matchBefore(/[:[{,]\s?/))) return null;
  return { from: context.pos - found.word.length, options: found.options, validFor: /^["\w.-]*$/ };
}

async function checked(body) {
  const answer = await sent(words.check, body);
  return answer.ok ? answer.json() : null;
}

let asked = 0;
/** Asks again as long as there is no answer and nothing newer to ask: nobody has to type for it. */
async function look(view) {
  const mine = ++asked, body = new URLSearchParams({ text: view.state.doc.toString() });
  form.setAttribute("aria-busy", "true");
  for (let wait = AGAIN[0]; ; wait = Math.min(wait * 2, AGAIN[1])) {
    let why = words.away;
    const told = await checked(body).catch((error) => {
      why = saidOf(error, why);
      return null;
    });
    if (mine !== asked) return [];
    if (told) {
      form.removeAttribute("aria-busy");
      show(told, view);
      return told.mistakes.map((mistake) => placed(mistake, view.state.doc));
    }
    say(why, "warn");
    await new Promise((later) => setTimeout(later, wait));
    if (mine !== asked) return [];
  }
}

function placed({ line, column, key, told, nearest }, doc) {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const from = Math.min(at.from + Math.max(column - 1, 0), at.to);
  const word = /^[^\s,{}[\]:]+/.exec(doc.sliceString(from, at.to))?.[0].length ?? 0;
  const actions = nearest ? [{ name: `← ${nearest}`, apply: (view, a, b) => mend(view, a, b, nearest) }] : [];
  return { from, to: Math.min(from + Math.max(word, 1), doc.length), severity: "error", message: key ? `\u2066${key}\u2069: ${told}` : told, actions };
}

/** Puts the nearest right name where the wrong one stands. */
function mend(view, from, to, name) {
  view.dispatch({ changes: { from, to, insert: name }, selection: { anchor: from + name.length } });
  view.focus();
}

const state = document.getElementById("tree-state");
function say(text, kind) {
  state.textContent = text;
  state.className = `badge ${kind}`;
}

function show(told, view) {
  say(told.summary, told.mistakes.length ? "bad" : told.warned ? "warn" : "good");
  const list = document.getElementById("tree-mistakes");
  list.replaceChildren(...told.mistakes.slice(0, 12).map((mistake) => {
    const item = document.createElement("li"), link = document.createElement("button");
    Object.assign(link, { type: "button", className: "link", textContent: mistake.where });
    link.addEventListener("click", () => goTo(view, mistake.line));
    item.append(link, " ", ...(mistake.key ? [named(mistake.key), " "] : []), mistake.told);
    if (mistake.nearest) item.append(" ", named(mistake.nearest), "؟");
    return item;
  }));
  list.hidden = !told.mistakes.length;
  document.getElementById("tree-figures").innerHTML = told.figures; // of our own server, escaped there
  picture.dataset.stale = told.mistakes.length ? "yes" : "";
  if (told.svg) {
    const { scrollTop, scrollLeft } = picture;
    picture.innerHTML = told.svg;
    picture.scrollTo(scrollLeft, scrollTop);
    mark(view);
  }
  document.dispatchEvent(new CustomEvent("tree-prompts", { detail: told.prompts }));
}

function named(name) {
  const text = document.createElement("bdi");
  return Object.assign(text, { textContent: name, dir: "ltr", className: "where" });
}

function goTo(view, number) {
  const line = view.state.doc.line(Math.min(number, view.state.doc.lines));
  view.dispatch({ selection: { anchor: line.from }, effects: cm.EditorView.scrollIntoView(line.from, { y: "center" }) });
  view.focus();
}

/** The step in which the cursor stands is marked in the picture, and its prompts are shown. */
let marked = "";
function mark(view, follow = false) {
  const before = view.state.doc.sliceString(0, view.state.doc.lineAt(view.state.selection.main.head).to);
  const within = before.match(/^\w+:/gm)?.at(-1); // below the steps stand the words that prompts were given
  const name = (within === "steps:" && Object.keys(stepsOf(before)).at(-1)) || "";
  for (const each of picture.querySelectorAll(".step.at")) each.classList.remove("at");
  const box = name ? picture.querySelector(`[data-step="${CSS.escape(name)}"]`) : null;
  box?.classList.add("at");
  if (box && follow && name !== marked) box.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (name !== marked) document.dispatchEvent(new CustomEvent("tree-step", { detail: name }));
  marked = name;
}

const view = new cm.EditorView({
  doc: area.value,
  parent: document.getElementById("tree-editor"),
  extensions: [
    cm.EditorView.cspNonce.of(words.nonce),
    cm.lineNumbers(),
    cm.highlightActiveLineGutter(),
    cm.highlightActiveLine(),
    cm.history(),
    cm.bracketMatching(),
    cm.indentOnInput(),
    new cm.LanguageSupport(cm.yamlLanguage),
    cm.syntaxHighlighting(looks),
    cm.bidiIsolates({ alwaysIsolate: true }),
    cm.search({ top: true }),
    cm.lintGutter(),
    cm.linter(look, { delay: PAUSE }),
    cm.autocompletion({ override: [complete], activateOnTyping: true }),
    cm.EditorState.tabSize.of(2),
    cm.EditorState.phrases.of(JSON.parse(words.phrases)),
    cm.EditorView.contentAttributes.of({ "aria-label": words.label, "aria-describedby": "tree-keys", spellcheck: "false", dir: "ltr", tabindex: "0" }),
    cm.EditorView.updateListener.of((update) => {
      if (update.docChanged) area.value = update.state.doc.toString();
      if (update.docChanged || update.selectionSet) mark(update.view, true);
    }),
    // Tab indents; after Esc it leaves, as the line below the editor says.
    cm.keymap.of([{ key: "Mod-s", preventDefault: true, run: () => (form.requestSubmit(form.querySelector("[data-save]")), true) },
      { key: "Tab", run: cm.indentMore, shift: cm.indentLess },
      ...cm.completionKeymap, ...cm.lintKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.defaultKeymap]),
  ],
});
area.hidden = true;
document.getElementById("tree-keys").hidden = false;
picture.addEventListener("click", (event) => {
  const step = event.target.closest("[data-line]");
  if (!step) return;
  event.preventDefault();
  goTo(view, Number(step.dataset.line));
});
if (location.hash.startsWith("#L")) goTo(view, Number(location.hash.slice(2)) || 1);
/** Another text, as if it had been typed: only what differs is replaced. */
document.addEventListener("tree-text", ({ detail }) => {
  const now = view.state.doc.toString();
  let from = 0, tail = 0;
  while (from < now.length && now[from] === detail[from]) from++;
  while (tail < Math.min(now.length, detail.length) - from && now.at(-1 - tail) === detail.at(-1 - tail)) tail++;
  view.dispatch({ changes: { from, to: now.length - tail, insert: detail.slice(from, detail.length - tail) } });
  cm.forceLinting(view);
});
window.addEventListener("beforeunload", (event) => {
  if ((area.value === area.defaultValue && !unwritten()) || form.dataset.sent) return;
  event.preventDefault();
  event.returnValue = true; // before 119 Chrome asks for this alone
});
form.addEventListener("submit", () => { form.dataset.sent = "yes"; });
cm.forceLinting(view);
