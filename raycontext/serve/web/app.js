"use strict";
// Texts of files only ever become text nodes: nothing of them is read as HTML.

const byId = (id) => document.getElementById(id);
const KINDS = ["function", "method", "class", "interface", "enum", "type", "module", "constant", "macro", "test", "import", "section", "block"];
const FIELDS = { q: "query", collection: "collection", language: "language", path: "path", kind: "kind", limit: "limit" };
const LINKS = { vscode: "vscode://file/{path}:{line}", idea: "idea://open?file={path}&line={line}" };
const LONG_LINE = 400; // characters of a line that is shown from its beginning
const MOST_COLOURED = 100000; // characters of a hit that are coloured
const POLL_MILLISECONDS = 1000, LONGEST_POLL_MILLISECONDS = 60000;
let following = null; // the query for the next page; null when there is none
let running = null; // the search whose answer is waited for: a later one ends it
let pause = POLL_MILLISECONDS;
let timer = 0;

// Over TCP the address carries a code, which is good once. It leaves the address before anything else happens.
const code = location.hash.startsWith("#code=") ? decodeURIComponent(location.hash.slice("#code=".length)) : "";
if (code) history.replaceState(null, "", location.pathname + location.search);

async function call(path, asked, signal) {
  const headers = { "Content-Type": "application/json" };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = asked === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(asked), signal };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (response.status === 401) byId("access").hidden = false;
  if (!response.ok) throw Object.assign(new Error(answer.message), { status: response.status });
  return answer;
}

// The token that a code gives is kept for this tab only, and in no cookie, which servers at other ports would get.
async function exchange(shown) {
  const { token } = await call("/api/token", { code: shown });
  sessionStorage.setItem("token", token);
}

async function enter(shown) {
  try {
    await exchange(shown);
  } catch (error) {
    if (error.status !== 401) return tell(error.message, true);
    sessionStorage.setItem("token", shown); // it may be the token itself
  }
  try {
    await call("/api/health");
  } catch (error) {
    if (error.status === 401) sessionStorage.removeItem("token");
    return tell(error.status === 401 ? "this is neither a code that can still be used nor the token" : error.message, true);
  }
  byId("access").hidden = true;
  tell("");
  refresh();
  if (byId("query").value.trim()) search();
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function tell(text, wrong = false) {
  byId("told").textContent = text;
  byId("told").classList.toggle("wrong", wrong);
}

function words(query) {
  const parts = query.match(/[\p{L}\p{N}_$]{3,}/gu) || [];
  return [...new Set(parts.map((word) => word.toLowerCase()))].slice(0, 50);
}

// The text of a line as nodes: what was asked for is marked.
function marked(text, wanted) {
  const made = [];
  const lower = text.toLowerCase();
  let from = 0;
  while (wanted.length && lower.length === text.length) {
    let first = -1, length = 0;
    for (const word of wanted) {
      const at = lower.indexOf(word, from);
      if (at >= 0 && (first < 0 || at < first || (at === first && word.length > length))) [first, length] = [at, word.length];
    }
    if (first < 0) break;
    made.push(text.slice(from, first), element("mark", "", text.slice(first, first + length)));
    from = first + length;
  }
  made.push(text.slice(from));
  return made;
}

// Names in code lead to their definitions and uses.
function named(text, wanted, hit) {
  return text.split(/([\p{L}_$][\p{L}\p{N}_$]*)/u).map((part, index) => {
    if (index % 2 === 0 || part.length < 3) return element("span", "", ...marked(part, wanted));
    const made = element("a", "use", ...marked(part, wanted));
    made.href = "#";
    made.tabIndex = -1; // there are hundreds: the keyboard reaches those of the panel
    made.addEventListener("click", (event) => {
      event.preventDefault();
      about(hit, part);
    });
    return made;
  });
}

// The lines of a text as lists of pieces with a class each. highlight.js gives a tree, so that nothing is read as HTML.
function coloured(text, language) {
  const lines = [[]];
  const add = (piece, scope) => piece.split("\n").forEach((part, index) => {
    if (index) lines.push([]);
    if (part) lines.at(-1).push([part, scope]);
  });
  const walk = (node, scope) => {
    if (typeof node === "string") add(node, scope);
    else for (const child of node.children) walk(child, node.scope ? `hljs-${node.scope.split(".")[0]}` : scope);
  };
  const known = globalThis.hljs?.getLanguage(language) && text.length < MOST_COLOURED;
  walk(known ? hljs.highlight(text, { language, ignoreIllegals: true })._emitter.root : text, "");
  return lines;
}

// Controls, and marks that reverse or hide text, are shown as escapes: what is read is what stands there.
function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) =>
    char === "\t" ? char : `\\u{${char.codePointAt(0).toString(16).padStart(4, "0")}}`);
}

function wholePath(hit) {
  return `${hit.source.replace(/\/$/, "")}/${hit.path}`;
}

// A template of one's own needs a scheme, and none that runs something in this page.
function ownTemplate() {
  const template = byId("template").value.trim();
  return /^[a-z][a-z0-9+.-]*:/i.test(template) && !/^(javascript|data|blob|vbscript):/i.test(template) ? template : "";
}

function place(hit, line = hit.start_line, text = `${hit.path}:${line}`) {
  const chosen = byId("opens").value;
  const template = chosen === "own" ? ownTemplate() : LINKS[chosen];
  if (!template) return element("span", "place", visible(text));
  const made = element("a", "place", visible(text));
  made.href = template
    .replace("{path}", wholePath(hit).split("/").map(encodeURIComponent).join("/"))
    .replace("{line}", String(line));
  return made;
}

function further(hit) {
  const made = element("div", "row cut", "also here:");
  for (const { line, symbol } of hit.more) made.append(" ", place(hit, line, `${line} ${hit.kind === "section" ? symbol : symbol.split(" ")[0]}`.trim()));
  return made;
}

function copyButton(hit) {
  const made = element("button", "copy", "copy");
  made.type = "button";
  made.title = "Copy PATH:LINE";
  made.setAttribute("aria-label", `Copy the place ${visible(hit.path)}:${hit.start_line}`);
  made.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(`${wholePath(hit)}:${hit.start_line}`);
      made.textContent = "copied";
    } catch {
      made.textContent = "not allowed";
    }
    setTimeout(() => (made.textContent = "copy"), 1500);
  });
  return made;
}

// Lines, of which a long one begins near the words that match: `match` counts the characters of the text before these.
function fromMatch(lines, match) {
  let before = 0;
  return lines.map((line) => {
    const inside = [...line];
    const place = match - before;
    before += inside.length + 1;
    const isFar = inside.length > LONG_LINE && place > LONG_LINE / 2 && place < inside.length;
    return isFar ? `… ${inside.slice(place - LONG_LINE / 8).join("")}` : line;
  });
}

function shown(hit, wanted) {
  const head = element("div", "head", place(hit));
  const names = hit.kind === "section" ? [hit.symbol] : hit.symbol.split(" "); // a heading is one name
  const symbol = names[0] + (names.length > 1 ? ` (+${names.length - 1})` : ""); // the one that matches best is first
  const title = [hit.scope, symbol].filter(Boolean).join(" › ");
  if (title) head.append(element("span", "symbol", visible(title)));
  head.append(opener("relations", `Show what calls ${visible(title) || "this"} and what it calls`, () => about(hit, "", hit.start_line)));
  head.append(opener("outline", `Show what ${visible(hit.path)} defines`, () => outline(hit)));
  head.append(element("span", "tag", visible(`${hit.kind} · ${hit.language} · ${hit.collection}`)));
  if (hit.freshness === "changed" || hit.freshness === "deleted") head.append(element("span", "tag stale", `${hit.freshness} since`));
  head.append(copyButton(hit));
  const text = element("pre");
  const lines = fromMatch(hit.text.replace(/\n$/, "").split("\n"), hit.match ?? 0);
  coloured(lines.map((line) => visible(line.replace(/\r$/, ""))).join("\n"), hit.language).forEach((pieces, index) => {
    const code = element("span", "code");
    for (const [piece, scope] of pieces) code.append(...(/comment|string/.test(scope) ? [element("span", scope, ...marked(piece, wanted))] : [element("span", scope, ...named(piece, wanted, hit))]));
    text.append(element("div", "row", element("span", "number", String(hit.start_line + index)), code));
  });
  if (hit.text_cut) text.append(element("div", "row cut", "… the rest is in the file"));
  if (hit.more?.length) text.append(further(hit));
  const made = element("li", "hit", head, text);
  made.tabIndex = 0;
  made.hit = hit;
  return made;
}

function opener(text, title, work) {
  const made = element("button", "open", text);
  made.type = "button";
  made.title = title;
  made.setAttribute("aria-label", title);
  made.addEventListener("click", work);
  return made;
}

// The panel beside the hits. Its places lead on: each asks for the relations of the definition at it.
let asking = 0; // number of the last question of the panel: an earlier answer is not shown
async function panel(title, ask) {
  const mine = ++asking;
  byId("panel").hidden = false;
  byId("panel-title").textContent = title;
  byId("panel-text").replaceChildren(element("p", "quiet", "…"));
  let found;
  try {
    found = await ask();
  } catch (error) {
    found = [element("p", "wrong", error.message)];
  }
  if (asking === mine) byId("panel-text").replaceChildren(...found);
}

function listed(title, items) {
  const lines = items.length ? items : [element("li", "quiet", "none")];
  return [element("h3", "", title), element("ul", "", ...lines)];
}

function definition(hit, one, text) {
  const made = element("button", "leads", text);
  made.type = "button";
  made.addEventListener("click", () => about(hit, "", one.line, one.path));
  return element("li", "", made, " ", place({ ...hit, path: one.path }, one.line));
}

const full = (one) => visible(`${one.scope ? `${one.scope} › ` : ""}${one.name}`);

// What is known of a name, or of the definition at a line: its definitions, uses, callers and callees.
function about(hit, name, line = 0, path = hit.path) {
  const target = name || `${path}:${line}`;
  return panel(visible(target), async () => {
    const question = { target, collection: hit.collection, limit: 20 };
    const [uses, callers, callees] = await Promise.all(["usages", "callers", "callees"].map((one) => call(`/api/${one}`, question)));
    byId("panel-title").textContent = visible(uses.name || target);
    const called = (answer) => answer.called.filter((one) => one.definition).map((one) => definition(hit, one.definition, full(one.definition) + (one.certainty === "certain" ? "" : " ?")));
    const places = uses.uses.map((use) => element("li", "", place({ ...hit, path: use.path }, use.line), element("code", "", visible(use.text.slice(0, 200)))));
    return [
      ...listed("Definitions", uses.definitions.map((one) => definition(hit, one, `${one.kind} ${full(one)}`))),
      ...listed("Callers", called(callers)),
      ...listed("Callees", called(callees)),
      ...listed(`Uses: ${uses.is_exact ? "" : "at least "}${uses.certain} certain, ${uses.possible} possible`, places),
    ];
  });
}

function outline(hit) {
  return panel(visible(hit.path), async () => {
    const found = await call("/api/outline", { path: hit.path, collection: hit.collection });
    const lines = found.definitions.map((one) => {
      const made = definition(hit, one, `${one.kind} ${visible(one.name)}`);
      made.classList.add(`depth${Math.min(one.depth, 4)}`);
      if (one.documentation) made.append(element("span", "quiet", ` ${visible(one.documentation)}`));
      return made;
    });
    return listed(found.cut ? "Definitions, the first ones" : "Definitions", lines);
  });
}

// Filters are separated by commas, so that a path can have a space.
function asked() {
  const list = (id) => byId(id).value.split(",").map((part) => part.trim()).filter(Boolean);
  const query = { query: byId("query").value, languages: list("language"), paths: list("path"), limit: Number(byId("limit").value) || 10 };
  if (byId("kind").value) query.kinds = [byId("kind").value];
  if (byId("collection").value) query.collection = byId("collection").value;
  else query.collections = ["*"];
  return query;
}

// The query stands behind the # of the address: reload, back and shared links keep it, and no server is told it.
function written() {
  const kept = Object.entries(FIELDS).map(([name, id]) => [name, byId(id).value.trim()]);
  return "#" + new URLSearchParams(kept.filter(([name, value]) => value && !(name === "limit" && value === "10")));
}

function restore() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const [name, id] of Object.entries(FIELDS)) {
    const value = kept.get(name) ?? (name === "limit" ? "10" : "");
    const field = byId(id);
    if (id === "collection" && value && ![...field.options].some((option) => option.value === value)) field.add(new Option(value, value));
    field.value = value;
  }
  if (byId("query").value.trim()) search();
  else clear();
}

function clear() {
  running?.abort();
  running = following = null;
  byId("hits").replaceChildren();
  byId("hits").classList.remove("old");
  byId("more").hidden = true;
  tell("");
}

async function search(next = null) {
  running?.abort();
  const mine = (running = new AbortController());
  const query = next ?? asked();
  byId("more").hidden = true;
  byId("hits").classList.toggle("old", !next);
  tell("searching …");
  try {
    const answer = await call("/api/search", query, mine.signal);
    if (running !== mine) return; // a later search has begun
    const wanted = words(query.query);
    const hits = answer.hits.map((hit) => shown(hit, wanted));
    if (next) byId("hits").append(...hits);
    else byId("hits").replaceChildren(...hits);
    if (next) hits[0]?.focus();
    const count = byId("hits").children.length;
    let text = count ? `${count} hit${count === 1 ? "" : "s"} in ${(answer.seconds * 1000).toFixed(0)} ms` : "nothing found: use other words, or fewer filters";
    if (answer.partial) text += " · partial: ";
    if (answer.indexing.length) text += `${answer.indexing.map((job) => job.collection).join(", ")} is being indexed`;
    else if (answer.partial) text += `${answer.shards_answered} of ${answer.shards_total} shards answered`;
    for (const note of answer.notes) text += ` · ${note}`;
    tell(text, answer.partial);
    following = answer.next_offset === null || !hits.length ? null : { ...query, offset: answer.next_offset };
    byId("more").hidden = following === null;
  } catch (error) {
    if (running !== mine) return;
    if (!next) byId("hits").replaceChildren();
    byId("more").hidden = !next;
    tell(error.message, true);
  }
  byId("hits").classList.remove("old");
}

const megabytes = (bytes) => `${(bytes / 1048576).toFixed(0)} MiB`;

function row(name, value) {
  return element("tr", "", element("td", "", name), element("td", "", value));
}

function jobLine(job) {
  const made = element("li", "", `${job.collection}: `);
  if (job.state !== "running") {
    made.append(job.state === "done" ? `done, ${job.report.files} files` : `${job.state}. ${job.error}`);
    return made;
  }
  const left = job.seconds_left === null ? "" : `, ${Math.ceil(job.seconds_left)} s left`;
  const bar = element("progress");
  bar.max = 100;
  bar.value = job.percent;
  made.append(`${job.percent.toFixed(0)} %, ${job.files_per_second.toFixed(0)} files/s${left}`, bar);
  return made;
}

async function refresh() {
  try {
    const health = await call("/api/health");
    const table = element("table", "", row("daemon", `${health.state}, pid ${health.pid}`), row("Ray", health.ray_problem ? `${health.ray}: ${health.ray_problem}` : health.ray), row("memory", `${megabytes(health.pss_bytes)}, ${health.processes} processes`));
    if (health.state === "ready") {
      const [known, jobs] = await Promise.all([call("/api/collections"), call("/api/jobs")]);
      const running = jobs.jobs.length ? jobs.jobs.slice(0, 8).map(jobLine) : [element("li", "quiet", "none")];
      byId("jobs").replaceChildren(...running);
      const lines = known.collections.map((one) => element("li", "", element("strong", "", one.name), one.problem ? ` ${one.problem}` : ` ${one.files} files, ${one.chunks} chunks`));
      byId("collections").replaceChildren(...(lines.length ? lines : [element("li", "quiet", "none: index a folder. Only those are shown that RAYCONTEXT_ALLOWED names, or that lie in your home folder.")]));
      const select = byId("collection");
      const names = known.collections.map((one) => one.name);
      if (document.activeElement !== select && names.join("\n") !== [...select.options].slice(1).map((option) => option.value).join("\n")) {
        const chosen = select.value;
        select.replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name, name)));
        if (chosen && !names.includes(chosen)) select.add(new Option(chosen, chosen)); // it came with the address
        select.value = chosen;
      }
      const name = select.value || (names.length === 1 ? names[0] : "");
      if (name) {
        const status = await call("/api/status", { collection: name });
        if (status.collection) {
          const found = status.collection;
          table.append(row("shards", String(found.num_shards)), row("segments", String(found.segments)), row("on disk", megabytes(found.bytes_on_disk)));
          for (const actor of found.actors) table.append(row(`${actor.name} (${actor.pid})`, megabytes(actor.rss_bytes)));
        }
      }
    } else if (health.problem) tell(health.problem, true);
    byId("status").replaceChildren(table);
    pause = POLL_MILLISECONDS;
  } catch (error) {
    byId("status").textContent = error.message;
    if (error.status === 401) return; // a code or a token goes on from here
    pause = Math.min(2 * pause, LONGEST_POLL_MILLISECONDS);
  }
  clearTimeout(timer); // however many begin, one goes on
  timer = setTimeout(refresh, pause);
}

byId("kind").append(...KINDS.map((kind) => new Option(kind, kind)));
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!byId("query").value.trim()) return;
  if (written() !== location.hash) history.pushState(null, "", written());
  search();
});
addEventListener("popstate", restore);
byId("more").addEventListener("click", () => following && search(following));
byId("opens").value = localStorage.getItem("opens") || "";
byId("template").value = localStorage.getItem("template") || "";
byId("template").hidden = byId("opens").value !== "own";
byId("panel-close").addEventListener("click", () => (byId("panel").hidden = true));
for (const id of ["opens", "template"]) byId(id).addEventListener("change", () => {
  localStorage.setItem("opens", byId("opens").value);
  if (byId("template").value) localStorage.setItem("template", byId("template").value);
  byId("template").hidden = byId("opens").value !== "own";
  for (const item of byId("hits").children) item.querySelector(".place").replaceWith(place(item.hit));
});
byId("index").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const job = await call("/api/index", { path: byId("folder").value });
    tell(`indexing ${job.source} as ${job.collection}`);
  } catch (error) {
    tell(error.message, true);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement.tagName)) {
    event.preventDefault();
    byId("query").select();
  }
  const hits = [...byId("hits").children];
  const at = hits.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && !event.altKey && !event.ctrlKey && !event.metaKey && (at >= 0 || document.activeElement === byId("query"))) {
    const goes = at + step;
    if (goes >= hits.length) return;
    event.preventDefault();
    (goes < 0 ? byId("query") : hits[goes]).focus();
  }
});
byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  const shown = byId("secret").value.trim();
  byId("secret").value = "";
  if (shown) enter(shown);
});

async function begin() {
  let problem = "";
  try {
    if (code) await exchange(code);
  } catch (error) {
    problem = error.message;
  }
  restore();
  if (problem) tell(problem, true);
  refresh();
}
begin();
