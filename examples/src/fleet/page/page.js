// Sends a request through the fleet and draws the result. Text of the server is inserted as text, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);

/** An element with these properties and children; text is a child, too. */
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// --- What can be chosen ---

let formats = [];
let paths = [];

function offerChoices(choices, asked) {
  ({ formats, paths } = choices);
  byId("format").append(...formats.map(({ id, name }) => make("option", { value: id }, name)));
  for (const fleet of new Set(paths.map((path) => path.fleet))) {
    const options = paths.filter((path) => path.fleet === fleet);
    const group = make("optgroup", { label: fleet[0].toUpperCase() + fleet.slice(1) });
    group.append(...options.map(({ id, text }) => make("option", { value: id }, text)));
    byId("path").append(group);
  }
  for (const name of ["format", "path"]) {
    const options = [...byId(name).options];
    if (options.some((option) => option.value === asked.get(name))) byId(name).value = asked.get(name);
  }
}

function fillHeaders() {
  const format = formats.find(({ id }) => id === byId("format").value);
  byId("headers").value = format.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
}

function sayWhatIsRead() {
  const path = paths.find(({ id }) => id === byId("path").value);
  byId("reads").textContent = `Its first service reads ${path.reads}.`;
}

// --- Sending ---

let sends = 0;

function headersToSend() {
  const headers = new Headers();
  for (const line of byId("headers").value.split("\n").filter((line) => line.trim() !== "")) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`No header: ${line}`);
    headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return headers;
}

async function send() {
  const number = ++sends;
  const query = new URLSearchParams({ path: byId("path").value });
  try {
    const response = await fetch(`/send?${query}`, { headers: headersToSend(), cache: "no-store" });
    if (!response.ok) throw new Error(`The fleet answered ${response.status}.`);
    const answer = await response.json();
    if (number === sends) show(answer);
  } catch (error) {
    if (number === sends) say(error.message, true);
  }
  query.set("format", byId("format").value);
  history.replaceState(null, "", `?${query}`);
}

function say(text, bad, ...more) {
  byId("verdict").className = bad ? "bad" : "";
  byId("verdict").replaceChildren(text, ...more);
}

function show(answer) {
  const { hop, whole } = answer;
  const origin = hop.continued ? "" : `, begun by ${hop.service}: it found no trace in the received headers`;
  say(`${answer.verdict}${origin}: `, !whole, make("code", {}, hop.ids.trace ?? "no id"));
  const nodes = arrange(answer);
  draw(nodes);
  const mark = marker(hop.ids.trace);
  byId("cards").replaceChildren(...nodes.map((node) => card(node, mark)));
  byId("result").hidden = false;
}

// --- The picture ---

const NODE = { width: 132, height: 54 };
const GAP = { x: 108, y: 30 };
/** Room for text above the first row. */
const ABOVE = 14;

/** All nodes of the tree, callers first, each with its column and row. The browser is the first. */
function arrange({ sent, hop }) {
  const nodes = [];
  let rows = 0;
  const add = (hop, received, caller) => {
    const node = { hop, received, caller, depth: caller ? caller.depth + 1 : 0, row: rows, place: nodes.length };
    nodes.push(node);
    hop.calls.forEach((call, which) => {
      if (which > 0) rows += 1;
      add(call.hop, call.went_out, node);
    });
  };
  add({ service: "your browser", calls: [{ hop, went_out: sent }] }, null, null);
  return nodes;
}

const left = (node) => node.depth * (NODE.width + GAP.x);
const above = (node) => ABOVE + node.row * (NODE.height + GAP.y);

function draw(nodes) {
  const width = Math.max(...nodes.map(left)) + NODE.width;
  const height = Math.max(...nodes.map(above)) + NODE.height;
  Object.assign(byId("canvas").style, { width: `${width}px`, height: `${height}px` });
  byId("lines").replaceChildren(...nodes.filter((node) => node.caller).flatMap(line));
  byId("nodes").replaceChildren(...nodes.map((node) => make("li", {}, box(node))));
}

function box(node) {
  const attributes = { href: `#hop-${node.place}`, ariaLabel: `${title(node)}, ${role(node)}` };
  const link = make("a", attributes, make("span", {}, title(node)), make("small", {}, role(node)));
  link.className = node.caller === null ? "outside" : node.hop.continued ? "" : "began";
  Object.assign(link.style, {
    left: `${left(node)}px`,
    top: `${above(node)}px`,
    width: `${NODE.width}px`,
    height: `${NODE.height}px`,
  });
  return link;
}

const title = ({ hop, place }) => (place === 0 ? hop.service : `${place}. ${hop.service}`);

function role({ hop, caller }) {
  if (caller === null) return "sends it";
  return hop.continued ? "continues it" : "starts a trace";
}

/** A line with its tip from the caller to this node, and above it what was spoken. */
function line(node) {
  const from = { x: left(node.caller) + NODE.width, y: above(node.caller) + NODE.height / 2 };
  const to = { x: left(node) - 3, y: above(node) + NODE.height / 2 };
  const bend = { x: from.x + 16, radius: 10 };
  const down = `H ${bend.x - bend.radius} Q ${bend.x} ${from.y} ${bend.x} ${from.y + bend.radius} V ${to.y - bend.radius}`;
  const around = from.y === to.y ? "" : `${down} Q ${bend.x} ${to.y} ${bend.x + bend.radius} ${to.y}`;
  const path = svg("path", { d: `M ${from.x} ${from.y} ${around} H ${to.x}` });
  const tip = svg("path", { class: "tip", d: `M ${to.x - 6} ${to.y - 5} L ${to.x} ${to.y} L ${to.x - 6} ${to.y + 5}` });
  if (!node.hop.continued) [path, tip].forEach((part) => part.classList.add("unread"));
  const names = spoken(node.received);
  const labels = names.map((name, place) => {
    const label = svg("text", { x: (bend.x + to.x) / 2, y: to.y - 8 - 14 * (names.length - 1 - place) });
    label.textContent = name;
    return label;
  });
  return [path, tip, ...labels];
}

function svg(name, attributes) {
  // The page's own picture knows the name space.
  const element = document.createElementNS(byId("lines").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

const FORMATS = [
  [/^trace(parent|state)$/, "W3C"],
  [/^baggage$/, "baggage"],
  [/^(b3|x-b3-.*)$/, "B3"],
  [/^x-datadog-/, "Datadog"],
  [/^(uber-trace-id|jaeger-debug-id)$/, "Jaeger"],
  [/^(uberctx-|jaeger-baggage)/, "its baggage"],
  [/^sw8/, "SkyWalking"],
  [/./, "correlation id"],
];

/** The formats of these lines, in order; at most three fit. */
function spoken(lines) {
  const names = [...new Set(lines.map(([name]) => FORMATS.find(([names]) => names.test(name))[1]))];
  if (names.length === 0) return ["nothing"];
  return names.length <= 3 ? names : [...names.slice(0, 2), "and more"];
}

// --- Headers ---

function card(node, mark) {
  const { hop, place } = node;
  const list = make("dl", {});
  const add = (term, ...details) => list.append(make("dt", {}, term), make("dd", {}, ...details));
  if (node.caller !== null) {
    add("received", lines(node.received, mark));
    add("explained", make("ul", {}, ...hop.explain.split("; ").map((finding) => make("li", {}, ...mark(finding)))));
  }
  for (const call of hop.calls) add(`to ${call.hop.service}`, lines(call.went_out, mark));
  const heading = make("h3", {}, title(node));
  const speaks = make("span", { className: "note" }, hop.speaks ? `reads ${hop.speaks.replaceAll(",", ", ")}` : "");
  return make("article", { id: `hop-${place}` }, heading, speaks, list);
}

function lines(lines, mark) {
  if (lines.length === 0) return make("span", { className: "note" }, "nothing");
  const item = ([name, value]) => make("li", {}, make("b", {}, `${name}: `), ...mark(value));
  return make("ul", { className: "lines" }, ...lines.map(item));
}

/** A function that splits text into pieces, those marked that spell the trace id. */
function marker(trace) {
  if (!trace) return (text) => [text];
  const [high, low] = [trace.slice(0, 16), trace.slice(16)];
  const dashed = trace.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const halves = [high, low, BigInt(`0x${low}`).toString()].filter((half) => !/^0+$/.test(half));
  const spellings = [trace, dashed, btoa(trace), ...halves].map((text) => text.replace(/[+/=]/g, "\\$&"));
  const pattern = new RegExp(`(${spellings.join("|")})`, "i");
  return (text) => text.split(pattern).map((piece, place) => (place % 2 === 1 ? make("mark", {}, piece) : piece));
}

// --- Start ---

async function start() {
  const response = await fetch("/choices");
  offerChoices(await response.json(), new URLSearchParams(location.search));
  fillHeaders();
  sayWhatIsRead();
  byId("format").addEventListener("change", fillHeaders);
  byId("path").addEventListener("change", sayWhatIsRead);
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  // So that there is something to see.
  await send();
}

start().catch((error) => say(error.message, true));
