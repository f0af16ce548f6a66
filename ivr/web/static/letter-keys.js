// Keys that are one letter or sign can be switched off, in this browser: who dictates, or hits keys by chance, would do
// deeds by them (WCAG 2.1.4). Space, Enter, Escape and the arrows stay.

const box = document.querySelector("[data-letter-keys]");
if (box) {
  const show = () => { box.checked = localStorage.getItem("letter-keys") !== "off"; };
  show();
  window.addEventListener("storage", show); // switched in another tab
  box.addEventListener("change", () => localStorage.setItem("letter-keys", box.checked ? "on" : "off"));
}

export const switchedOff = ({ code }) => /^(Key|Slash)/.test(code) && localStorage.getItem("letter-keys") === "off";
