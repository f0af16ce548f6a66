// What every page shares: toasts, dialogs, htmx's troubles. Everything works without it, only less smoothly.

const words = document.body.dataset;

export function toast(text, kind = "") {
  let place = document.querySelector(".toasts");
  if (!place) {
    place = document.createElement("div");
    place.className = "toasts";
    place.setAttribute("role", "status");
  }
  const home = document.querySelector("dialog[open]") ?? document.body; // around an open one nothing is read out
  if (place.parentNode !== home) home.append(place);
  const line = document.createElement("p");
  line.className = `toast ${kind}`;
  line.textContent = text;
  place.append(line);
  setTimeout(() => line.remove(), 6000);
}

document.addEventListener("close", ({ target }) => {
  const place = target.querySelector(".toasts");
  if (place) document.body.append(place);
}, true); // it does not bubble

// <button data-opens="id"> opens a dialog, <button data-closes> closes the one it stands in.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.opens)?.showModal();
  }
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
});

// <form data-once>: a second press of its button sends nothing, unless the first was stopped by Escape meanwhile.
let goes = null; // the form that leads away from the page
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-once]")) {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }
});
window.addEventListener("submit", (event) => { // after who sends it otherwise has said so: the day's, a lottery's
  if (!event.defaultPrevented) goes = event.target;
});
const sendable = () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
};
window.addEventListener("pageshow", sendable);
document.addEventListener("keydown", (event) => event.key === "Escape" && sendable());

// What was chosen goes along in words, for the page that gives back what nobody took (typed.py): the books, which know the
// words, may be what is away.
document.addEventListener("formdata", ({ target, formData }) => {
  if (target !== goes || target.method !== "post") return;
  for (const list of target.querySelectorAll("select:enabled")) {
    if (list.value) inWords(formData, list.ariaLabel ?? list.labels[0]?.textContent, list.selectedOptions[0]);
  }
  for (const mark of target.querySelectorAll("input[type=radio]:checked:enabled")) {
    if (mark.value) inWords(formData, mark.closest("fieldset")?.querySelector("legend")?.textContent, mark.labels[0]);
  }
});
const inWords = (formData, name, taken) =>
  name && taken && formData.append("chosen", `${name.trim()}\n${taken.textContent.trim()}`);

// Words half written are not left without a question, unless by the very form that they stand in. <form data-given-back>:
// it was refused, and nobody else has its words. The service desk's, a tree's and the day's are kept otherwise.
const WRITTEN = "main form[method=post]:not([data-later], #desk-form, #tree-form) textarea:not(:disabled, dialog *)";
const written = (but) => [...document.querySelectorAll(WRITTEN)].filter((each) =>
  each.value && each.form !== but && (each.value !== each.defaultValue || each.form.matches("[data-given-back]")));
// Nor is an answer that was spoken into the microphone (casefile.js).
const spoken = (but) => [...document.querySelectorAll("form.deed[data-spoken]")].filter((form) => form !== but);
const unsaved = (but) => [...written(but), ...spoken(but)];
window.addEventListener("beforeunload", (event) => {
  if (unsaved(goes).length) {
    event.preventDefault();
    event.returnValue = true; // before 119 Chrome asks for this alone
    delete goes?.dataset.sent; // who stays may press it again
  }
  goes = null;
});
// What htmx does without leaving goes the browser's own way where words would be lost, so that one is asked before it:
// a deed, after which the page is another, and another deed's form in the place of one that is half written.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { target } = event;
  if (target.matches("form.deed") && unsaved(target).length) {
    event.preventDefault();
    goes = target;
    target.submit();
  } else if (target.matches("a[data-deed]") && unsaved().some((each) => each.closest("#act"))) {
    event.preventDefault();
    location.assign(target.pathname + target.search); // with its #act it might be the page that one is on
  }
});
document.addEventListener("htmx:beforeOnLoad", ({ target, detail }) => {
  if (detail.xhr.getResponseHeader("HX-Redirect")) goes = target;
});

// The browser's file button speaks the browser's language; ours stands before it and tells what was chosen.
for (const place of document.querySelectorAll(".file")) {
  const [input, button, chosen] = [place.querySelector("input"), document.createElement("label"), document.createElement("output")];
  const tell = () => { chosen.textContent = input.files[0]?.name ?? place.dataset.none; };
  Object.assign(button, { htmlFor: input.id, className: "button", textContent: place.dataset.choose });
  chosen.className = "soft cut";
  chosen.dir = "auto";
  input.className = "unseen";
  input.addEventListener("change", tell);
  place.append(button, chosen);
  tell();
}

// A session that is over, or was begun anew in another tab: the page stays with what was typed, and takes up the new
// session's proof once the same person has one.
let over = false;
async function renew(say = true) {
  const answer = await fetch("/panel/account", { redirect: "manual" }).catch(() => null);
  if (!answer?.ok) return false;
  const { body } = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (body.dataset.person !== words.person) return false;
  document.body.setAttribute("hx-headers", body.getAttribute("hx-headers"));
  const proof = body.querySelector('[name="csrf"]').value;
  for (const field of document.querySelectorAll('[name="csrf"]')) field.value = proof;
  over = false;
  if (say) toast(words.renewed);
  return true;
}
// Who is signed in may have to do something else first, like setting up a second factor.
export const whyOut = (proof) => (proof === "unfinished" ? words.unfinished : words.signedOut);
/** What a page posts by itself; once more where one was signed in anew. Where nobody is, an Error says so to people. */
export async function sent(address, body, headers = {}) {
  for (let first = true; ; first = false) {
    const proof = JSON.parse(document.body.getAttribute("hx-headers"));
    const answer = await fetch(address, { method: "POST", body, headers: { ...headers, ...proof } });
    const told = answer.headers.get("X-CSRF-Token");
    if (answer.status === 401) throw new Error(whyOut(told));
    if (!first || told !== "stale" || !(await renew(false))) return answer;
  }
}
/** What people are told of an error: the sentence that ours hold; of any other this one. */
export const saidOf = (error, otherwise) => (error.name === "Error" ? error.message : otherwise);
document.addEventListener("visibilitychange", () => { if (over && !document.hidden) renew(); });

document.addEventListener("htmx:responseError", async (event) => {
  const { xhr } = event.detail, { status } = xhr;
  if (status === 401) {
    over = true;
    if (!document.querySelector(".toast.bad")) toast(whyOut(xhr.getResponseHeader("X-CSRF-Token")), "bad");
    return;
  }
  if (xhr.getResponseHeader("X-CSRF-Token") === "stale" && (await renew())) return;
  toast(status === 403 ? words.forbidden : status === 503 ? words.away : words.failed, "bad");
});
document.addEventListener("htmx:sendError", () => toast(words.offline, "bad"));
document.addEventListener("htmx:timeout", () => toast(words.offline, "bad"));
// A form with mistakes comes back with 422 and its sentences: show it.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 422) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
// HX-Trigger: {"toast": "…"} from the server.
document.addEventListener("toast", (event) => toast(event.detail.value ?? ""));

// What was typed at the service desk (servicedesk.js) is nobody else's, and goes when one signs out.
const typed = JSON.parse(sessionStorage.getItem("desk"));
if (words.person && typed && typed.who !== words.person) sessionStorage.removeItem("desk");
document.addEventListener("submit", ({ target }) => {
  if (target.matches('[action="/panel/sign-out"]')) sessionStorage.removeItem("desk");
});

// What a tab keeps of a list (among.js) goes when one signs out.
if (!document.querySelector('form[action="/panel/sign-out"]')) sessionStorage.removeItem("among");
// And so does a session's day; not on a page that only says that something is away.
if (location.pathname === "/panel/sign-in") import("./kept-page.js").then(({ forget }) => forget()).catch(() => {});

// The tab one is on may be out of sight on a phone.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
