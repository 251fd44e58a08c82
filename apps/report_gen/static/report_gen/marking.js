/* The two tools that mark places, measuring and boxes. A pointer drags; with the keys the crosshair
   goes to both ends, or to two opposite corners, and Enter sets each. */
import { boxOf, spansOf } from "./boxes.js";
import { AXES, NAMES, directions, lengths, slice } from "./where.js";

/* What right and up are on the screen: the patient's axis, and which way along it. */
const SCREEN = { axial: [[0, -1], [1, 1]], coronal: [[0, -1], [2, 1]], sagittal: [[1, -1], [2, 1]] };
const ARROWS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [1, 1], ArrowDown: [1, -1] };
const STEP_MM = 1;
const LEAP_MM = 10;

/* `volume` and `planes` are asked each time: the one comes late, the other changes. */
export function marking({ stage, words, spoken, volume, planes, boxed }) {
  const hint = document.getElementById("hint");
  const canvas = document.getElementById("volume");
  const tools = { measure: document.getElementById("tool-measure"), box: document.getElementById("tool-box") };
  let tool = "move";
  let first = null; // the end or corner that is set, RAS mm

  const axis = () => AXES[planes()];
  const here = () => volume().position();
  const together = () => volume().near(first, here(), axis());
  const layer = (across) => slice(words, across, volume().slice(across));
  const at = () => `${layer(axis())}: ${directions(here())}`;

  /* The place stands on the page already: it is only spoken. */
  function tell(text, also = "") {
    hint.textContent = text;
    spoken.say(`${text} ${also}`.trim());
  }

  function set(name) {
    drop();
    tool = tool === name || !tools[name] ? "move" : name;
    for (const [each, button] of Object.entries(tools)) button?.setAttribute("aria-pressed", String(tool === each));
    stage.dataset.drag = tool;
    volume()?.drag(tool, tool === "box" ? released : undefined, measured);
    if (tool === "move") { tell(""); return; }
    tell(words[tool], volume()?.base ? at() : "");
    canvas.focus({ preventScroll: true });
  }

  function drop() {
    first = null;
    delete stage.dataset.first;
    volume()?.sketch?.hide();
  }

  function length(from, to) {
    return Math.hypot(...from.map((value, each) => to[each] - value)).toFixed(1);
  }

  function measured(from, to, across) {
    tell(`${words.measured.replace("%mm", length(from, to))} ${layer(across)}.`);
  }

  function released(from, to, across, flat = true) {
    const box = boxOf(from, to, across, flat);
    if (!box) { tell(words.thin); return; }
    set("box");
    boxed(box.spans, box.size);
  }

  /* A place of this slice, whatever its depth in it. */
  function within(from) {
    const to = here();
    return from.map((value, each) => (each === axis() ? to[each] : value));
  }

  /* How far it is from what was set to the crosshair. */
  function sofar() {
    const to = here();
    if (tool === "measure") {
      return together() ? words.length.replace("%mm", length(within(first), to)) : words.apart;
    }
    const spans = spansOf(first, to);
    const flat = together();
    return `${lengths([0, 1, 2].filter((each) => !flat || each !== axis()).map((each) => spans[each]))}.`;
  }

  /* The crosshair went somewhere, by whatever way. */
  function moved() {
    if (tool === "move" || !volume()?.base) return;
    if (!first) { spoken.resting(at()); return; }
    const text = sofar();
    hint.textContent = `${text} ${layer(axis())}`;
    spoken.resting(`${text} ${at()}`);
  }

  function enter() {
    const to = here();
    if (!first) {
      first = to;
      stage.dataset.first = tool;
      volume().sketch.begin(tool, first, axis);
      tell(words[`first_${tool}`], at());
    } else if (tool === "box") {
      released(first, to, axis(), together());
    } else if (together()) {
      const from = within(first);
      volume().sketch.keep(from, to, axis());
      drop();
      measured(from, to, axis());
    } else {
      tell(words.apart);
    }
  }

  function escape() {
    if (!first) { set("move"); tell(words.stopped); return; }
    drop();
    tell(words.dropped, at());
  }

  /* Whether a key was one of the tools'. */
  function key(event) {
    if (tool === "move" || !volume()?.base) return false;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const [along, way] = SCREEN[NAMES[axis()]][arrow[0]];
      const by = [0, 0, 0];
      by[along] = way * arrow[1] * (event.shiftKey ? LEAP_MM : STEP_MM);
      volume().move(by);
    } else if (event.key === "Enter" && !event.repeat && !event.target.closest("button, a, summary")) {
      enter();
    } else if (event.key === "Escape") {
      escape();
    } else {
      return false;
    }
    return true;
  }

  tools.measure.addEventListener("click", () => set("measure"));
  tools.box?.addEventListener("click", () => set("box"));
  return { key, moved, at, tell };
}
