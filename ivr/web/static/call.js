import { dialpad } from "./dialpad.js";

dialpad(document.querySelector("[data-phone]"));
