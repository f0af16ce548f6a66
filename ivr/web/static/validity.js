// What a field lacks, in the page's words: the browser's own sentences speak the browser's language. They stand on
// <body data-say-needed …>; without this script the browser says it itself, and the server always.

const words = document.body.dataset;

function sentence({ validity, minLength, type, tagName }) {
  if (validity.valueMissing) return tagName === "SELECT" || type === "radio" || type === "checkbox" ? words.sayChoose : words.sayNeeded;
  if (validity.tooShort) return words.sayShort.replace("#", new Intl.NumberFormat("fa-IR").format(minLength));
  return words.sayWrong;
}

document.addEventListener("invalid", ({ target }) => {
  if (!target.validity.customError) target.setCustomValidity(sentence(target));
}, true);
// It is looked at anew as soon as something is changed.
for (const name of ["input", "change"]) {
  document.addEventListener(name, ({ target }) => target.setCustomValidity?.(""), true);
}
