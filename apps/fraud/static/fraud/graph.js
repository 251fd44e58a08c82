/* Graphs of entities, each in an element with data-graph: click to look further, double click to open, chips filter relations,
   a reason under the pointer lights what speaks for it. Up to 2,000 nodes; edges are straight and labels appear close up, so that
   it stays smooth. */

const MOST = 2000;
const PAYS = "pays";
const BY_PAYMENTS = ["flows", "passed_on", "cycle", "hub"];
const SHAPES = ["ellipse", "round-rectangle", "diamond", "hexagon", "triangle", "pentagon"];
const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

function start(section) {
  const holder = section.querySelector(".graph");
  const data = JSON.parse(section.querySelector("script[type='application/json']").textContent);
  const said = section.querySelector(".graph-said");
  const types = [];
  const relations = [];
  const hidden = new Set();
  let left = data.hidden;

  function colours() {
    const read = getComputedStyle(document.documentElement);
    const of = (name) => read.getPropertyValue(name).trim();
    return { text: of("--text"), line: of("--quiet"), good: of("--accent"), bad: of("--bad"), unsure: of("--unsure"), surface: of("--surface"), ground: of("--ground") };
  }

  function risk(node, colour) {
    if (node.data("tone")) return { bad: colour.bad, good: colour.good }[node.data("tone")] ?? colour.line;
    if (node.data("score") >= 0.9) return colour.bad;
    return node.data("score") >= 0.5 ? colour.unsure : colour.good;
  }

  function style() {
    const colour = colours();
    return [
      { selector: "node", style: { width: 26, height: 26, shape: (node) => SHAPES[types.indexOf(node.data("type")) % SHAPES.length], "background-color": colour.surface, "border-width": 3, "border-color": (node) => risk(node, colour), label: "data(name)", color: colour.text, "font-size": 13, "min-zoomed-font-size": 7, "text-valign": "bottom", "text-margin-y": 4, "text-max-width": 120, "text-wrap": "ellipsis", "text-background-color": colour.ground, "text-background-opacity": 0.8 } },
      { selector: "node[place = 'self']", style: { width: 38, height: 38, "background-color": (node) => risk(node, colour), "font-weight": "bold" } },
      { selector: "node[place = 'member']", style: { "background-color": (node) => risk(node, colour) } },
      { selector: "node[?alerted]", style: { "border-style": "double", "border-width": 7 } },
      { selector: "edge", style: { width: (edge) => Math.min(6, 1 + Math.log2(edge.data("count"))), "line-color": colour.line, opacity: 0.5, "curve-style": "haystack" } },
      { selector: ".lit", style: { "line-color": colour.good, opacity: 1 } },
      { selector: ".gone", style: { display: "none" } },
    ];
  }

  function elements(found) {
    const nodes = found.nodes.map((node) => ({ group: "nodes", data: { ...node, name: node.key.length > 26 ? `${node.key.slice(0, 24)}…` : node.key } }));
    const edges = found.edges.map((edge) => ({ group: "edges", data: { id: `${edge.from}-${edge.to}`, source: edge.from, target: edge.to, count: edge.count, relation: edge.relation ?? "", said: edge.said ?? "" } }));
    nodes.forEach(({ data: node }) => { if (!types.includes(node.type)) types.push(node.type); });
    if (edges.some(({ data: edge }) => edge.relation === PAYS) && !relations.includes(PAYS)) relations.push(PAYS);
    return [...nodes, ...edges];
  }

  /* A tree of rings around the entity: every branch gets as much of the circle as it has leaves, and
     the leaves of a full ring stand in two rows. The same graph always looks the same. */
  function layout(graph) {
    const root = graph.nodes("[place = 'self']")[0];
    if (!root) { circle(graph); return; }
    const parent = new Map([[root.id(), null]]);
    const children = new Map();
    const order = [root];
    for (let next = 0; next < order.length; next += 1) {
      const near = order[next].neighborhood("node").filter((one) => !parent.has(one.id())).sort((a, b) => (a.id() < b.id() ? -1 : 1)).toArray();
      near.forEach((one) => parent.set(one.id(), order[next].id()));
      children.set(order[next].id(), near);
      order.push(...near);
    }
    const leaves = new Map();
    [...order].reverse().forEach((one) => leaves.set(one.id(), Math.max(1, children.get(one.id()).reduce((sum, child) => sum + leaves.get(child.id()), 0))));
    const places = new Map([[root.id(), { x: 0, y: 0 }]]);
    const ring = Math.max(120, leaves.get(root.id()) * 5);
    const place = (one, depth, from, to) => {
      let start = from;
      children.get(one.id()).forEach((child, number) => {
        const share = ((to - from) * leaves.get(child.id())) / leaves.get(one.id());
        const angle = start + share / 2;
        const radius = depth * ring + (depth > 1 && number % 2 ? ring * 0.35 : 0);
        places.set(child.id(), { x: Math.cos(angle) * radius, y: Math.sin(angle) * radius });
        place(child, depth + 1, start, start + share);
        start += share;
      });
    };
    place(root, 1, -Math.PI / 2, 1.5 * Math.PI);
    graph.layout({ name: "preset", positions: (node) => places.get(node.id()) ?? { x: 0, y: 0 }, animate: !still && order.length < 300, animationDuration: 140, padding: 28 }).run();
  }

  /* A ring has no centre: its members stand on the circle, what they share inside it, and what was looked up later outside,
     behind the one it was asked of. */
  function circle(graph) {
    const members = graph.nodes("[place = 'member']").sort((a, b) => (a.id() < b.id() ? -1 : 1));
    const radius = Math.max(140, members.length * 9);
    const places = new Map();
    members.forEach((node, number) => {
      const angle = (2 * Math.PI * number) / members.length - Math.PI / 2;
      places.set(node.id(), { x: Math.cos(angle) * radius, y: Math.sin(angle) * radius });
    });
    const towards = (node) => {
      const users = node.neighborhood("node[place = 'member']").map((one) => places.get(one.id())).filter(Boolean);
      return Math.atan2(users.reduce((sum, one) => sum + one.y, 0), users.reduce((sum, one) => sum + one.x, 0));
    };
    const shared = graph.nodes("[place = 'shared']").map((node) => ({ node, angle: towards(node) })).sort((a, b) => a.angle - b.angle);
    shared.forEach(({ node }, number) => {
      const angle = (2 * Math.PI * number) / shared.length - Math.PI;
      const inside = shared.length > 1 ? radius * (number % 2 ? 0.6 : 0.4) : 0;
      places.set(node.id(), { x: Math.cos(angle) * inside, y: Math.sin(angle) * inside });
    });
    const fans = new Map();
    graph.nodes("[place = 'later']").forEach((node) => fans.set(node.data("from"), [...(fans.get(node.data("from")) ?? []), node]));
    fans.forEach((nodes, from) => {
      const at = places.get(from) ?? { x: 0, y: 0 };
      const out = Math.atan2(at.y, at.x);
      const away = Math.max(radius * 1.25, Math.hypot(at.x, at.y) + 110);
      const spread = Math.min(Math.PI / 2, (nodes.length * 34) / away);
      nodes.forEach((node, number) => {
        const angle = out + (nodes.length > 1 ? (number / (nodes.length - 1) - 0.5) * spread : 0);
        const far = away + (number % 2) * 40;
        places.set(node.id(), { x: Math.cos(angle) * far, y: Math.sin(angle) * far });
      });
    });
    graph.layout({ name: "preset", positions: (node) => places.get(node.id()) ?? { x: 0, y: 0 }, animate: false, padding: 28 }).run();
  }

  function tell(text) {
    const more = left > 0 ? ` ${said.dataset.hidden.replace("%n", String(left))}` : "";
    said.textContent = `${text || said.dataset.about}${more}`;
  }

  /* Types of nodes, and the payments between members; members themselves are always there. */
  function chips(graph) {
    const place = section.querySelector(".graph-types");
    const fixed = new Set(graph.nodes("[place = 'member']").map((one) => one.data("type")));
    const offered = [...types.filter((type) => !fixed.has(type)), ...relations];
    place.replaceChildren(...offered.map((type) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.className = "chip";
      chip.textContent = data.names[type] ?? type;
      chip.setAttribute("aria-pressed", String(!hidden.has(type)));
      chip.classList.toggle("on", !hidden.has(type));
      chip.addEventListener("click", () => {
        if (hidden.has(type)) hidden.delete(type); else hidden.add(type);
        chips(graph);
        filter(graph);
      });
      return chip;
    }));
  }

  function filter(graph) {
    const stays = ["self", "member"];
    graph.batch(() => {
      graph.nodes().forEach((node) => { node.toggleClass("gone", hidden.has(node.data("type")) && !stays.includes(node.data("place"))); });
      graph.edges().forEach((edge) => { edge.toggleClass("gone", hidden.has(edge.data("relation"))); });
    });
  }

  /* The edges that a reason is about: by relation in a ring, elsewhere by the types its code names. */
  function meant(graph, code) {
    if (code === "together") return graph.edges();
    if (BY_PAYMENTS.includes(code)) return graph.edges(`[relation = '${PAYS}']`);
    const words = code.split("_");
    const named = types.filter((type) => words.includes(type));
    return graph.edges().filter((edge) => named.includes(edge.source().data("type")) || named.includes(edge.target().data("type")));
  }

  function reasons(graph) {
    document.querySelectorAll("#reasons [data-evidence]").forEach((line) => {
      const light = () => { meant(graph, line.dataset.evidence).addClass("lit"); };
      const darken = () => { graph.edges().removeClass("lit"); };
      line.addEventListener("mouseenter", light);
      line.addEventListener("mouseleave", darken);
      line.addEventListener("focus", light);
      line.addEventListener("blur", darken);
    });
  }

  async function expand(graph, node) {
    if (node.data("open") || graph.nodes().length >= MOST) return;
    node.data("open", true);
    const query = new URLSearchParams({ type: node.data("type"), key: node.data("key") });
    const answer = await fetch(`${holder.dataset.source}?${query}`);
    if (!answer.ok) { tell(String(answer.status)); node.data("open", false); return; }
    const found = await answer.json();
    found.nodes = found.nodes.filter((one) => one.id !== node.id()).slice(0, MOST - graph.nodes().length);
    const inRing = graph.nodes("[place = 'member']").nonempty();
    found.nodes.forEach((one) => {
      if (inRing) Object.assign(one, { place: "later", from: node.id() });
      else if (one.place === "self") one.place = "far";
    });
    const known = new Set([...graph.nodes().map((one) => one.id()), ...found.nodes.map((one) => one.id)]);
    found.edges = found.edges.filter((edge) => known.has(edge.from) && known.has(edge.to));
    left += found.hidden;
    const before = graph.nodes().length;
    graph.add(elements(found).filter((one) => graph.getElementById(one.data.id).empty()));
    chips(graph);
    filter(graph);
    if (graph.nodes().length > before) layout(graph);
    tell();
  }

  function draw() {
    const graph = window.cytoscape({ container: holder, elements: elements(data), style: [], layout: { name: "null" }, hideEdgesOnViewport: true, textureOnViewport: true, pixelRatio: 1 });
    graph.style(style());
    layout(graph);
    chips(graph);
    reasons(graph);
    tell();
    graph.on("tap", "node", (event) => expand(graph, event.target));
    graph.on("dbltap", "node", (event) => {
      const query = new URLSearchParams({ type: event.target.data("type"), key: event.target.data("key") });
      window.location.assign(`${holder.dataset.page}?${query}`);
    });
    graph.on("mouseover", "node", (event) => {
      event.target.connectedEdges().addClass("lit");
      tell(`${data.names[event.target.data("type")] ?? event.target.data("type")} ${event.target.data("key")} · ${event.target.data("said") ?? `${event.target.data("count")} · ${event.target.data("score")}`}`);
    });
    graph.on("mouseover", "edge", (event) => { if (event.target.data("said")) tell(event.target.data("said")); });
    graph.on("mouseout", "edge", () => { tell(); });
    graph.on("mouseout", "node", (event) => { event.target.connectedEdges().removeClass("lit"); tell(); });
    new MutationObserver(() => graph.style(style())).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
    holder.dataset.ready = "yes";
  }

  draw();
}

/* A fragment that arrives later may bring a graph of its own. */
function startAll() {
  document.querySelectorAll("[data-graph]").forEach((section) => {
    if (section.dataset.begun) return;
    section.dataset.begun = "yes";
    start(section);
  });
}

window.addEventListener("load", () => {
  startAll();
  new MutationObserver(startAll).observe(document.body, { childList: true, subtree: true });
});
