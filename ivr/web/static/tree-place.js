// Where one stands in a menu tree while typing, and what its JSON Schema offers there. No page is needed for it.

const KEY = /^(\s*)(?:- )?(?:"([^"]*)"|'([^']*)'|([^\s#"'{[\]},][^:#{}[\],]*)):(?:\s|$)/;
const unquoted = (text) => text.trim().replace(/^["']|["']$/g, "");

/** Of `text` up to `at`: the keys that lead there, whether a key is being typed, the word so far, and the keys
 *  that stand there already. */
export function placeOf(text, at) {
  const before = text.slice(0, at), lines = before.split("\n"), line = lines.at(-1);
  const path = blockPath(lines), flow = flowPath(line);
  const own = KEY.exec(line);
  if (own) path.push(own[2] ?? own[3] ?? own[4].trim());
  const inKey = flow.open === "{" ? !flow.key : !own && flow.open !== "[";
  path.push(...flow.path);
  if (flow.key) path.push(flow.key);
  return { path, inKey, inList: flow.open === "[", word: /["\w.-]*$/.exec(line)[0] };
}

/** The keys of the blocks around the last line, outermost first. */
function blockPath(lines) {
  const path = [];
  let indent = /^\s*/.exec(lines.at(-1))[0].length;
  for (let n = lines.length - 2; n >= 0 && indent > 0; n--) {
    const found = KEY.exec(lines[n]);
    if (!found || found[1].length >= indent) continue;
    indent = found[1].length;
    path.unshift(found[2] ?? found[3] ?? found[4].trim());
  }
  return path;
}

/** The flow mappings and lists that are open at the end of a line, and the key whose value stands there. */
function flowPath(line) {
  const open = [];
  let word = "", quote = "", key = "";
  for (const letter of line) {
    if (quote) { if (letter === quote) quote = ""; else word += letter; continue; }
    if (letter === "#" && /\s$/.test(word || " ") && !open.length) break;
    if (letter === '"' || letter === "'") quote = letter;
    else if (letter === "{" || letter === "[") { open.push({ letter, key }); word = key = ""; }
    else if (letter === "}" || letter === "]") { key = open.pop()?.key ?? ""; word = ""; }
    else if (letter === ",") { word = ""; if (open.at(-1)?.letter === "{") key = ""; }
    else if (letter === ":" && open.at(-1)?.letter === "{") { key = unquoted(word); word = ""; }
    else word += letter;
  }
  const path = open.slice(1).map((each) => each.key).filter(Boolean);
  return { path, key: open.at(-1)?.letter === "{" ? key : "", open: open.at(-1)?.letter ?? "" };
}

/** The part of the schema that is about this path; `types` tells a step's type by its name. */
export function schemaAt(schema, path, types) {
  let here = schema, step = "";
  const named = path[0] === "fragments" ? 3 : 1;
  for (const [n, key] of path.entries()) {
    here = resolved(schema, here);
    if (n === named && path[n - 1] === "steps") {
      step = key;
      here = schema.$defs[`${types[step]}_step`] ?? schema.$defs.step;
      continue;
    }
    here = here?.properties?.[key] ?? matching(here, key) ?? here?.additionalProperties ?? null;
    if (!here || here === true) return null;
  }
  return resolved(schema, here);
}

function matching(here, key) {
  const found = Object.entries(here?.patternProperties ?? {}).find(([pattern]) => new RegExp(pattern).test(key));
  return found?.[1];
}

export function resolved(schema, part) {
  for (let n = 0; part?.$ref && n < 9; n++) {
    const target = part.$ref.split("/").slice(1).reduce((at, name) => at?.[name], schema);
    part = { ...target, ...part, $ref: target?.$ref, from: part.$ref.split("/").at(-1) };
  }
  return part;
}

/** The names under a path of a text and the types of what stands there, as far as they can be told while it is
 *  being written. */
function namesUnder(text, under) {
  const found = {}, path = [];
  for (const line of text.split("\n")) {
    const key = KEY.exec(line);
    if (!key) continue;
    while (path.length && path.at(-1).indent >= key[1].length) path.pop();
    path.push({ indent: key[1].length, name: key[2] ?? key[3] ?? key[4].trim() });
    const names = path.map((each) => each.name), name = names[under.length];
    if (under.some((part, n) => names[n] !== part) || !/^[a-z][a-z0-9_]*$/.test(name ?? "")) continue;
    const depth = names.length - under.length, type = /\btype:\s*([a-z_]+)/.exec(line)?.[1];
    if (depth === 1) found[name] = type ?? "";
    else if (depth === 2 && names.at(-1) === "type" && type) found[name] ||= type;
  }
  return found;
}

/** The steps of a text, or of one fragment in it, each with its type. */
export function stepsOf(text, fragment = "") {
  return namesUnder(text, fragment ? ["fragments", fragment, "steps"] : ["steps"]);
}

function exitsOf(text, fragment) {
  const own = new RegExp(`^ +${fragment}:[^]*?\\bexits:\\s*\\[([^\\]]*)`, "m").exec(text);
  return own ? own[1].split(",").map(unquoted).filter(Boolean) : [];
}

/** What may be typed at `at`: {word, options: [{label, detail, apply}]}. */
export function offersAt(schema, text, at) {
  const place = placeOf(text, at), fragment = place.path[0] === "fragments" ? place.path[1] ?? "" : "";
  const steps = stepsOf(text, fragment);
  const part = schemaAt(schema, place.path, steps);
  if (!part) return { word: place.word, options: [] };
  if (place.inKey) {
    const options = Object.entries(part.properties ?? {}).map(([label, about]) => ({
      label, apply: `${label}: `, type: "property", info: resolved(schema, about)?.description ?? "",
    }));
    return { word: place.word, options };
  }
  const value = place.inList ? resolved(schema, part.items ?? part) : part;
  const named = {
    step_name: () => [...Object.keys(steps), ...(fragment ? exitsOf(text, fragment) : [])],
    fragment_name: () => Object.keys(namesUnder(text, ["fragments"])),
  };
  const names = named[value?.from]?.() ?? value?.enum ?? value?.anyOf?.[0].enum ?? (value?.type === "boolean" ? ["true", "false"] : value?.const ? [value.const] : []);
  return { word: place.word, options: names.map((label) => ({ label: String(label), type: "enum" })) };
}
