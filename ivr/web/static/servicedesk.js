// The service desk by keyboard: Ctrl+Enter registers, Alt+1..3 takes a proposal. Without it everything still works.

const form = document.getElementById("desk-form");

function take(button) {
  if (!button || !form) return;
  form.elements.topic.value = button.dataset.topic;
  form.elements.topic.focus();
  form.dispatchEvent(new Event("filled"));
}

document.getElementById("beside")?.addEventListener("click", (event) => take(event.target.closest("[data-topic]")));

// By place, so that a Persian keyboard's digits do as well.
document.addEventListener("keydown", (event) => {
  const digit = event.altKey && !event.ctrlKey && /^(?:Digit|Numpad)([1-3])$/.exec(event.code);
  if (digit && form) {
    event.preventDefault();
    take(document.querySelector(`#beside [data-key="${digit[1]}"]`));
  }
  if (event.ctrlKey && event.code === "Enter" && form?.contains(event.target)) form.requestSubmit();
});

// The first field that won't do gets the focus; on the receipt whatever is most likely next.
document.querySelector("#desk-form input[aria-invalid='true'], #desk-form [aria-invalid='true']:not(fieldset)")?.focus();
const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
  print.focus();
}
