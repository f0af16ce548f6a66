// Administration: a field that belongs to some choices only; without scripts it simply stays.

for (const chooser of document.querySelectorAll("[data-shows]")) {
  const target = document.getElementById(chooser.dataset.shows);
  const when = chooser.dataset.when.split(" ");
  const settle = () => target.toggleAttribute("hidden", !when.includes(chooser.value));
  chooser.addEventListener("change", settle);
  settle();
}

// The first field that won't do gets the focus.
document.querySelector("[aria-invalid='true']")?.focus();

// What was typed is not lost by leaving the page unawares.
const form = document.getElementById("row");
if (form) {
  let touched = false;
  form.addEventListener("input", () => { touched = true; });
  form.addEventListener("submit", () => { touched = false; });
  window.addEventListener("beforeunload", (event) => {
    if (!touched) return;
    event.preventDefault();
    event.returnValue = true; // before 119 Chrome asks for this alone
  });
}

// On a phone the tabs scroll: the one we are on is seen.
document.querySelector(".tabs.many [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
