// What the worker answers a reload with while the server is away: the page that was kept takes this one's place.

import { recall } from "./kept-page.js";

const kept = await recall(location.pathname).catch(() => null);
if (kept) {
  document.open();
  document.write(kept.html.replace("<body", `<body data-kept="${kept.at}"`));
  document.close();
} else {
  document.querySelector("[data-nothing]").hidden = false;
}
