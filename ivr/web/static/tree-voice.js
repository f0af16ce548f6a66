// Words that no file says yet, spoken by the synthesiser of the callers.

const form = document.getElementById("tree-form");

/** Posts fields with the form's proof. */
export function post(address, fields) {
  const headers = { "X-CSRF-Token": form.elements.csrf.value };
  return fetch(address, { method: "POST", body: new URLSearchParams(fields), headers });
}

/** The words' sound as an address; throws an Error with one sentence for people. */
export async function voiced(words, language) {
  const answer = await post(form.dataset.hear, { words, language });
  if (!answer.ok) throw new Error(answer.status === 422 ? await answer.text() : form.dataset.away);
  return URL.createObjectURL(await answer.blob());
}
