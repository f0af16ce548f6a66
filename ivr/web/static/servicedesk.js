// The service desk by keyboard: Ctrl+Enter registers, Alt+1..3 takes a proposal. Without it everything still works.

const form = document.getElementById("desk-form");

function take(button) {
  if (!button || !form) return;
  form.elements.topic.value = button.dataset.topic;
  form.elements.topic.focus();
  form.dispatchEvent(new Event("filled"));
}

document.getElementById("beside")?.addEventListener("click", (event) => take(event.target.closest("[data-topic]")));

// Her words stay in this tab until there is a receipt: a session may end, or the page be left, while they are typed.
// With them the key of their form: what is registered by then, its receipt lost, opens no second case.
const typed = form?.elements.words;
const key = form?.elements.form;
const fresh = key?.value;
const restored = document.getElementById("restored");
const keep = () => {
  const draft = { who: document.body.dataset.person, words: typed.value, form: key.value };
  if (typed.value) sessionStorage.setItem("desk", JSON.stringify(draft));
  else sessionStorage.removeItem("desk");
};
if (typed) {
  const kept = JSON.parse(sessionStorage.getItem("desk"));
  if (kept && !typed.value) {
    typed.value = kept.words;
    key.value = kept.form ?? fresh;
    restored.hidden = false;
    document.addEventListener("htmx:load", () => form.dispatchEvent(new Event("filled")), { once: true });
  }
  typed.addEventListener("input", keep);
  restored.querySelector("button").addEventListener("click", () => {
    typed.value = "";
    key.value = fresh;
    restored.hidden = true;
    keep();
    typed.focus();
  });
}

// By place, so that a Persian keyboard's digits do as well. The number pad with Alt types signs by their codes.
document.addEventListener("keydown", (event) => {
  const digit = event.altKey && !event.ctrlKey && /^Digit([1-3])$/.exec(event.code);
  if (digit && form) {
    event.preventDefault();
    take(document.querySelector(`#beside [data-key="${digit[1]}"]`));
  }
  if (event.ctrlKey && ["Enter", "NumpadEnter"].includes(event.code) && form?.contains(event.target)) form.requestSubmit();
});

// The first field that won't do gets the focus; on the receipt whatever is most likely next.
document.querySelector("#desk-form input[aria-invalid='true'], #desk-form [aria-invalid='true']:not(fieldset)")?.focus();
const print = document.querySelector("[data-print]");
if (print) {
  sessionStorage.removeItem("desk");
  print.hidden = false;
  print.addEventListener("click", () => window.print());
  print.focus();
}
