/* The recipe editor: regions and masks as polygons over a picture, and a line to measure by. What is
   drawn is kept as shares of the picture's width and height in the form's field "areas". */

const find = (id) => document.getElementById(id);
const data = JSON.parse(find("recipe-data").textContent);
const words = data.words;
const form = find("recipe");
const field = form.elements.areas;
const stage = find("stage");
const SVG = "http://www.w3.org/2000/svg";
const CLICK = 0.006; // of the width: a shorter drag is a click

let tool = "region";
let areas = [];
let chosen = -1;
let draft = []; // corners of the polygon that is being drawn
let drag = null;
const past = [];

try {
  const kept = JSON.parse(field.value || "{}");
  for (const kind of ["region", "mask"]) {
    for (const area of kept[`${kind}s`] ?? []) areas.push({ kind, ...area });
  }
} catch {
  areas = [];
}

const round = (value) => Math.min(1, Math.max(0, Math.round(value * 1e5) / 1e5));
const element = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
};
const points = (corners) =>
  corners.map(([x, y]) => `${x * data.width},${y * data.height}`).join(" ");

function keep() {
  past.push(JSON.stringify(areas));
  if (past.length > 100) past.shift();
}

function store() {
  const of = (kind) =>
    areas
      .filter((area) => area.kind === kind)
      .map(({ name = "", view = "", corners }) => ({ name, view, corners }));
  field.value = JSON.stringify({ regions: of("region"), masks: of("mask") });
  if (find("undo")) find("undo").disabled = past.length === 0;
}

function add(kind, corners) {
  keep();
  areas.push({ kind, name: "", view: "", corners: corners.map(([x, y]) => [round(x), round(y)]) });
  chosen = areas.length - 1;
  draw();
}

/* ---- drawing ---- */

function drawStage() {
  if (!stage) return;
  stage.setAttribute("viewBox", `0 0 ${data.width} ${data.height}`);
  if (!stage.querySelector("image")) {
    const image = element("image", { width: data.width, height: data.height });
    image.setAttribute("href", data.picture);
    stage.append(image);
  }
  stage.querySelectorAll(".drawn").forEach((one) => one.remove());
  areas.forEach((area, index) => {
    const shape = element("polygon", {
      class: `drawn area ${area.kind}${index === chosen ? " on" : ""}`,
      points: points(area.corners),
    });
    stage.append(shape);
  });
  const size = data.width / 110;
  if (areas[chosen] && draft.length === 0) {
    areas[chosen].corners.forEach(([x, y], corner) => {
      const handle = element("circle", {
        class: "drawn corner",
        cx: x * data.width,
        cy: y * data.height,
        r: size,
      });
      handle.dataset.corner = String(corner);
      stage.append(handle);
    });
  }
  const line = drag && drag.kind === "new" ? shapeOf(drag) : draft;
  if (line.length) {
    const closed = drag && drag.kind === "new" && tool !== "measure";
    stage.append(
      element(closed ? "polygon" : "polyline", { class: "drawn draft", points: points(line) }),
    );
    for (const [x, y] of draft) {
      stage.append(
        element("circle", { class: "drawn corner", cx: x * data.width, cy: y * data.height, r: size * 0.7 }),
      );
    }
  }
}

function input(label, value, changed, attributes = {}) {
  const box = document.createElement("label");
  box.textContent = label;
  const made = document.createElement("input");
  Object.assign(made, attributes);
  made.value = value;
  made.addEventListener("change", () => changed(made.value));
  box.append(made);
  return box;
}

function bounds(corners) {
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  return { left: Math.min(...xs), top: Math.min(...ys), width: Math.max(...xs) - Math.min(...xs), height: Math.max(...ys) - Math.min(...ys) };
}

function fit(index, side, percent) {
  const now = bounds(areas[index].corners);
  const next = { ...now, [side]: Number(percent) / 100 };
  if (!Number.isFinite(next[side]) || next.width <= 0 || next.height <= 0) return draw();
  keep();
  areas[index].corners = areas[index].corners.map(([x, y]) => [
    round(next.left + ((x - now.left) / (now.width || 1)) * next.width),
    round(next.top + ((y - now.top) / (now.height || 1)) * next.height),
  ]);
  draw();
}

function drawList() {
  const list = find("areas");
  list.replaceChildren();
  const views = form.elements.views.value.split(",").map((name) => name.trim()).filter(Boolean);
  areas.forEach((area, index) => {
    const row = document.createElement("li");
    row.className = index === chosen ? "on" : "";
    const first = document.createElement("div");
    first.className = "flow";
    const kind = document.createElement("strong");
    kind.textContent = area.kind === "region" ? words.region : words.mask;
    const corners = document.createElement("span");
    corners.className = "quiet grow";
    corners.textContent = words.corners.replace("%n", String(area.corners.length));
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn btn-small btn-danger-soft";
    remove.textContent = words.remove;
    remove.addEventListener("click", () => {
      keep();
      areas.splice(index, 1);
      chosen = -1;
      draw();
    });
    first.append(kind, corners, remove);
    const second = document.createElement("div");
    second.className = "flow numbers";
    second.append(
      input(words.name, area.name ?? "", (value) => {
        area.name = value.slice(0, 60);
        store();
      }, { maxLength: 60, size: 12 }),
    );
    if (views.length) {
      const box = document.createElement("label");
      box.textContent = words.view;
      const select = document.createElement("select");
      for (const [value, label] of [["", words.every], ...views.map((name) => [name, name])]) {
        const option = document.createElement("option");
        option.value = value;
        option.textContent = label;
        option.selected = value === (area.view ?? "");
        select.append(option);
      }
      select.addEventListener("change", () => {
        area.view = select.value;
        store();
      });
      box.append(select);
      second.append(box);
    }
    const box = bounds(area.corners);
    for (const side of ["left", "top", "width", "height"]) {
      second.append(
        input(words[side], (box[side] * 100).toFixed(1), (value) => fit(index, side, value), { type: "number", min: 0, max: 100, step: 0.1 }),
      );
    }
    row.addEventListener("focusin", () => {
      if (chosen === index) return;
      chosen = index;
      drawStage();
      [...list.children].forEach((other, place) => other.classList.toggle("on", place === index));
    });
    row.append(first, second);
    list.append(row);
  });
  find("no-areas").textContent = areas.length ? "" : words.none;
}

function draw() {
  store();
  drawStage();
  drawList();
}

/* ---- pointer ---- */

function place(event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
    stage.getScreenCTM().inverse(),
  );
  return [round(at.x / data.width), round(at.y / data.height)];
}

function shapeOf({ from, to }) {
  if (tool === "measure") return [from, to];
  return [from, [to[0], from[1]], to, [from[0], to[1]]];
}

const far = (from, to) =>
  Math.hypot(from[0] - to[0], ((from[1] - to[1]) * data.height) / data.width) > CLICK;

function closeDraft() {
  if (draft.length >= 3) add(tool, draft);
  draft = [];
  draw();
}

function measured(from, to) {
  const pixels = Math.hypot((to[0] - from[0]) * data.width, (to[1] - from[1]) * data.height);
  const dialog = find("length");
  find("length-title").textContent = words.length;
  find("length-mm").value = "";
  dialog.returnValue = "";
  dialog.addEventListener(
    "close",
    () => {
      const mm = Number(find("length-mm").value);
      if (dialog.returnValue === "ok" && mm > 0) {
        form.elements.mm_per_pixel.value = String(Number((mm / pixels).toPrecision(6)));
      }
    },
    { once: true },
  );
  dialog.showModal();
}

function start(event) {
  if (event.button !== 0) return;
  const corner = event.target.dataset?.corner;
  stage.setPointerCapture(event.pointerId);
  const from = place(event);
  if (corner !== undefined && draft.length === 0) {
    keep();
    drag = { kind: "corner", corner: Number(corner) };
  } else {
    drag = { kind: "new", from, to: from };
  }
}

function move(event) {
  if (!drag) return;
  const to = place(event);
  if (drag.kind === "corner") areas[chosen].corners[drag.corner] = to;
  else drag.to = to;
  drawStage();
}

function end(event) {
  if (!drag) return;
  const ended = drag;
  drag = null;
  if (ended.kind === "corner") return draw();
  const to = place(event);
  if (far(ended.from, to)) {
    if (tool === "measure") measured(ended.from, to);
    else add(tool, shapeOf({ from: ended.from, to }));
    draft = [];
  } else if (tool !== "measure") {
    const hit = draft.length === 0 ? areas.findLastIndex((area) => inside(area.corners, to)) : -1;
    if (hit >= 0) chosen = hit;
    else draft.push(to);
  }
  draw();
}

function inside(corners, [x, y]) {
  let odd = false;
  corners.forEach(([x1, y1], index) => {
    const [x2, y2] = corners[(index + 1) % corners.length];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
  });
  return odd;
}

function undo() {
  const before = past.pop();
  if (before === undefined) return;
  areas = JSON.parse(before);
  chosen = -1;
  draw();
}

if (stage) {
  stage.addEventListener("pointerdown", start);
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerup", end);
  stage.addEventListener("dblclick", closeDraft);
  stage.addEventListener("keydown", (event) => {
    if (event.key === "Enter") closeDraft();
    else if (event.key === "Escape") draft = [];
    else if (event.key === "Delete" && areas[chosen]) {
      keep();
      areas.splice(chosen, 1);
      chosen = -1;
    } else if ((event.ctrlKey || event.metaKey) && event.key === "z") undo();
    else return;
    event.preventDefault();
    draw();
  });
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => {
      tool = button.dataset.tool;
      draft = [];
      for (const other of document.querySelectorAll("[data-tool]")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      draw();
    });
  }
  find("undo").addEventListener("click", undo);
  find("length-cancel").addEventListener("click", () => find("length").close(""));
}
const MIDDLE = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]];
find("add-region").addEventListener("click", () => add("region", MIDDLE));
find("add-mask").addEventListener("click", () => add("mask", MIDDLE));
form.elements.views.addEventListener("change", draw);
draw();
