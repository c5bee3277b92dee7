"use strict";
// Texts of files only ever become text nodes: nothing of them is read as HTML.

const byId = (id) => document.getElementById(id);
const KINDS = ["function", "method", "class", "interface", "enum", "type", "module", "constant", "macro", "test", "section"];
const POLL_MILLISECONDS = 1000, LONGEST_POLL_MILLISECONDS = 60000;
let lastAsked = null;
let pause = POLL_MILLISECONDS;
let timer = 0;

// Over TCP the address carries a code, which is good once. It leaves the address before anything else happens.
const code = location.hash.startsWith("#code=") ? decodeURIComponent(location.hash.slice("#code=".length)) : "";
if (code) history.replaceState(null, "", location.pathname + location.search);

async function call(path, asked) {
  const headers = { "Content-Type": "application/json" };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = asked === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(asked) };
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

function highlighted(line, wanted) {
  const made = element("span", "code");
  const lower = line.toLowerCase();
  let from = 0;
  while (wanted.length && lower.length === line.length) {
    let first = -1, length = 0;
    for (const word of wanted) {
      const at = lower.indexOf(word, from);
      if (at >= 0 && (first < 0 || at < first || (at === first && word.length > length))) [first, length] = [at, word.length];
    }
    if (first < 0) break;
    made.append(line.slice(from, first), element("mark", "", line.slice(first, first + length)));
    from = first + length;
  }
  made.append(line.slice(from));
  return made;
}

function shown(hit, wanted) {
  const head = element("div", "head", element("span", "place", `${hit.path}:${hit.start_line}`));
  const symbol = [hit.scope, hit.symbol].filter(Boolean).join(" › ");
  if (symbol) head.append(element("span", "symbol", symbol));
  head.append(element("span", "tag", `${hit.kind} · ${hit.language} · ${hit.collection}`));
  if (hit.freshness === "changed" || hit.freshness === "deleted") head.append(element("span", "tag stale", `${hit.freshness} since`));
  head.append(element("span", "score", hit.score.toFixed(3)));
  const text = element("pre");
  const lines = hit.text.replace(/\n$/, "").split("\n");
  lines.forEach((line, index) => {
    text.append(element("div", "row", element("span", "number", String(hit.start_line + index)), highlighted(line, wanted)));
  });
  const made = element("li", "hit", head, text);
  made.tabIndex = 0;
  return made;
}

function asked() {
  const list = (id) => byId(id).value.split(/[\s,]+/).filter(Boolean);
  const query = { query: byId("query").value, languages: list("language"), paths: list("path"), limit: Number(byId("limit").value) || 10 };
  if (byId("kind").value) query.kinds = [byId("kind").value];
  if (byId("collection").value) query.collection = byId("collection").value;
  else query.collections = ["*"];
  return query;
}

async function search(query) {
  if (!query.offset) byId("hits").replaceChildren();
  byId("more").hidden = true;
  tell("searching …");
  try {
    const answer = await call("/api/search", query);
    const wanted = words(query.query);
    byId("hits").append(...answer.hits.map((hit) => shown(hit, wanted)));
    const count = byId("hits").children.length;
    let text = count ? `${count} hits in ${(answer.seconds * 1000).toFixed(0)} ms` : "nothing found";
    if (answer.partial) text += " · partial: ";
    if (answer.indexing.length) text += `${answer.indexing.map((job) => job.collection).join(", ")} is being indexed`;
    else if (answer.partial) text += `${answer.shards_answered} of ${answer.shards_total} shards answered`;
    for (const note of answer.notes) text += ` · ${note}`;
    tell(text, answer.partial || answer.notes.length > 0);
    lastAsked = { ...query, offset: answer.next_offset };
    byId("more").hidden = answer.next_offset === null;
  } catch (error) {
    tell(error.message, true);
  }
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
      const lines = known.collections.map((one) => element("li", "", element("strong", "", one.name), ` ${one.files} files, ${one.chunks} chunks`));
      byId("collections").replaceChildren(...(lines.length ? lines : [element("li", "quiet", "none: index a folder")]));
      const select = byId("collection");
      const names = known.collections.map((one) => one.name);
      if (names.join("\n") !== [...select.options].slice(1).map((option) => option.value).join("\n")) {
        const chosen = select.value;
        select.replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name, name)));
        select.value = names.includes(chosen) ? chosen : "";
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
  if (byId("query").value.trim()) search(asked());
});
byId("more").addEventListener("click", () => search(lastAsked));
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
});
byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  const shown = byId("secret").value.trim();
  byId("secret").value = "";
  if (shown) enter(shown);
});

async function begin() {
  try {
    if (code) await exchange(code);
  } catch (error) {
    tell(error.message, true);
  }
  refresh();
}
begin();
