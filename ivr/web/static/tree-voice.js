// Words that no file says yet, spoken by the synthesiser of the callers.

import { sent } from "./panel.js";

const form = document.getElementById("tree-form");

/** The words' sound as an address; throws an Error with one sentence for people. */
export async function voiced(words, language) {
  const answer = await sent(form.dataset.hear, new URLSearchParams({ words, language }));
  if (!answer.ok) throw new Error(answer.status === 422 ? await answer.text() : form.dataset.away);
  return URL.createObjectURL(await answer.blob());
}
