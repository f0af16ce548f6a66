// The list that one came from, kept by this tab: the next case and the one before, and one's place on return.
// Moving on takes the place of the case in the history, so that Back leads to the list from wherever one is.

const KEY = "among";
const codeOf = (address) => address.split("?")[0].split("/").pop();
const persian = (text) => String(text).replace(/\d/g, (digit) => "\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9"[digit]);
const keep = (kept) => sessionStorage.setItem(KEY, JSON.stringify(kept));

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? null;
  } catch {
    return null;
  }
}

const codesOn = (page) => [...page.querySelectorAll("tr.case")].map((row) => row.dataset.code);
const codesIn = (was) => was?.lists.flatMap((each) => each.codes) ?? [];
const moreOn = (page) => page.querySelector('a[rel="next"]')?.getAttribute("href") ?? "";

// ── the list ──
export function leaving(at) {
  const list = location.pathname + location.search;
  keep({ lists: [{ list, codes: codesOn(document) }], more: moreOn(document), at, top: window.scrollY });
}

// The row of the case that one was at last; where it has gone, the one that followed it.
export function returned(row) {
  const was = kept();
  const came = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  const from = document.referrer && new URL(document.referrer).pathname.startsWith("/panel/cases/");
  const page = was?.lists.find((each) => each.list === location.pathname + location.search);
  if (!page || !was.at || !(came || from)) return null;
  const place = page.codes.indexOf(was.at);
  const order = place < 0 ? [...page.codes].reverse() : [...page.codes.slice(place), ...page.codes.slice(0, place).reverse()];
  if (from && !came) window.scrollTo(0, was.top);
  return order.map(row).find(Boolean) ?? null;
}

// ── a case ──
export function among() {
  const nav = document.querySelector("nav.among");
  const was = kept();
  const here = codeOf(location.pathname);
  const codes = codesIn(was);
  const place = codes.indexOf(here);
  if (!nav || place < 0) return () => {};
  keep({ ...was, at: here });
  const [back, before, next] = ["back", "before", "next"].map((name) => nav.querySelector(`.${name}`));
  back.href = was.lists.find((each) => each.codes.includes(here)).list;
  nav.querySelector(".place").textContent = nav.dataset.place.replace("#", persian(place + 1)).replace("#", persian(codes.length));
  const point = (link, code, otherwise = "") => {
    const address = code ? `/panel/cases/${code}` : otherwise;
    if (address) link.href = address;
  };
  point(before, codes[place - 1]);
  point(next, codes[place + 1], was.more);
  nav.hidden = false;

  const go = async (by) => {
    const now = codesIn(kept()).includes(here) ? kept() : was;  // further pages may have been read since
    const all = codesIn(now);
    const code = all[all.indexOf(here) + by] ?? (by > 0 ? await further(now, all) : undefined);
    if (code) location.replace(`/panel/cases/${code}`);
  };
  for (const [link, by] of [[before, -1], [next, 1]]) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (link.hasAttribute("href")) go(by);
    });
  }
  // What is being written is not left by a key.
  const writing = "#act form.deed, details.writing[open], .marking:not([hidden]) [name=note]:not(:placeholder-shown)";
  return (by) => !document.querySelector(writing) && go(by);
}

// The first case of the list's next pages that wasn't on those before: of many filtered away a page may hold none.
async function further(was, codes) {
  let more = was.more;
  while (more) {
    const answer = await fetch(more).catch(() => null);
    if (!answer?.ok || answer.redirected) return undefined;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = codesOn(page).filter((code) => !codes.includes(code));
    const list = new URL(more, location.href);
    more = moreOn(page);
    if (fresh.length) {
      keep({ ...was, at: fresh[0], more, lists: [...was.lists, { list: list.pathname + list.search, codes: fresh }] });
      return fresh[0];
    }
    keep({ ...was, more });
  }
  return undefined;
}
