/* Boxes on a picture, drawn and corrected by people: the editor of the annotation page and of
   corrections in review.

   createEditor(root, options) finds its places by [data-part] below `root`. Options: about (the
   dataset's classes), editable, onChange(labels, source), onProposals(shown, offered), viewer and
   image (a picture that is shown already). */

import { createClasses } from "./classes.js";
import { between, moved, overlap, union } from "./geometry.js";
import { createHistory } from "./history.js";
import { pressed } from "./keys.js";
import { createList } from "./list.js";
import { createPainter } from "./painter.js";
import { watchPointer } from "./pointer.js";
import { createViewer, describe, show, transform } from "./stage.js";

const SAME = 0.5; /* overlap from which a proposal is what is labelled already */
const RENDERED = 1000; /* of a list; the rest is on the picture */
let clipboard = [];
let last = 0;
const fresh = (box) => ({ ...box, id: ++last });

export function createEditor(root, options) {
  const names = options.about.classes;
  const part = (name) => root.querySelector(`[data-part=${name}]`);
  const viewer = options.viewer ?? createViewer(part("canvas"));
  const surface = document.createElement("div");
  const canvas = document.createElement("canvas");
  surface.className = "boxes-surface";
  surface.tabIndex = 0;
  surface.setAttribute("role", "application");
  surface.setAttribute("aria-label", part("canvas").getAttribute("aria-label"));
  surface.append(canvas);
  viewer.element.append(surface);
  const painter = createPainter(canvas);
  const history = createHistory();
  const scene = {
    classes: names,
    boxes: [],
    ghosts: [],
    theirs: [],
    theirName: "",
    selected: new Set(),
    lit: null,
    draft: null,
    cross: null,
    hidden: false,
    editable: options.editable,
  };
  let image = options.image ?? null;
  let offered = [];
  let before = [];
  let active = names[0] ?? "";
  let floor = 0;
  let hand = false;
  let wanted = false;

  const board = {
    classes: names,
    image: () => image,
    at: () => transform(viewer, image),
    boxes: () => scene.boxes,
    ghosts: () => scene.ghosts,
    chosen: () => scene.boxes.filter((box) => scene.selected.has(box.id)),
    active: () => active,
    editable: () => scene.editable,
    hand: () => hand,
    draft: (box) => redraw({ draft: box }),
    cross(point) {
      if (point || scene.cross) redraw({ cross: point });
    },
    light(id) {
      if (id === scene.lit) return;
      redraw({ lit: id });
      list.light(id);
    },
    /* While dragging: shown, not yet a step that can be undone. */
    preview(changed) {
      const by = new Map((changed ?? []).map((box) => [box.id, box]));
      redraw({ boxes: history.now.map((box) => by.get(box.id) ?? box) });
    },
    settle: () => commit(scene.boxes),
    drawn() {
      const box = scene.draft;
      redraw({ draft: null });
      if (!box || !active) return;
      const added = fresh(box);
      scene.selected = new Set([added.id]);
      commit([...history.now, added]);
    },
    add() {
      const at = transform(viewer, image);
      const frame = surface.getBoundingClientRect();
      const middle = at.toImage(frame.width / 2, frame.height / 2);
      const side = Math.min(frame.width, frame.height) / 5 / at.scale / 2;
      board.draft(between({ label: active }, middle.x - side, middle.y - side, middle.x + side, middle.y + side, image));
      board.drawn();
      list.reveal([...scene.selected][0]);
    },
    choose(ids, more = false) {
      const chosen = new Set(more ? scene.selected : []);
      for (const id of ids) {
        if (more && scene.selected.has(id)) chosen.delete(id);
        else chosen.add(id);
      }
      scene.selected = chosen;
      redraw();
      relist();
      if (ids.length) list.reveal(ids[ids.length - 1]);
    },
    step(by) {
      if (!scene.boxes.length) return;
      const at = scene.boxes.findIndex((box) => scene.selected.has(box.id));
      const next = (at + by + scene.boxes.length + (at < 0 && by < 0 ? 1 : 0)) % scene.boxes.length;
      board.choose([scene.boxes[next].id]);
    },
    remove(ids) {
      if (!ids.length) return false;
      commit(history.now.filter((box) => !ids.includes(box.id)));
      return true;
    },
    classify(ids, label) {
      commit(history.now.map((box) => (ids.includes(box.id) ? { ...box, label } : box)));
    },
    place(id, values) {
      commit(
        history.now.map((box) => {
          if (box.id !== id) return box;
          const to = { ...box, ...values };
          return between(box, to.x1, to.y1, to.x2, to.y2, image);
        }),
      );
    },
    nudge: (dx, dy) => each((box) => moved(box, dx, dy, image), "nudge"),
    grow: (dx, dy) =>
      each((box) => between(box, box.x1, box.y1, Math.max(box.x1 + 1, box.x2 + dx), Math.max(box.y1 + 1, box.y2 + dy), image), "grow"),
    number(key) {
      const label = classes.ofKey(key);
      if (label) pick(label);
      return label !== undefined;
    },
    copy() {
      const chosen = board.chosen();
      if (chosen.length) clipboard = chosen;
      return chosen.length > 0;
    },
    paste() {
      const known = clipboard.filter((box) => names.includes(box.label));
      if (!known.length) return false;
      const taken = (box) => history.now.some((own) => own.label === box.label && overlap(own, box) > 0.95);
      const added = known.map((box) => {
        const inside = between(box, box.x1, box.y1, box.x2, box.y2, image);
        const shift = taken(inside) ? Math.max(4, 12 / transform(viewer, image).scale) : 0;
        return fresh(moved(inside, shift, shift, image));
      });
      scene.selected = new Set(added.map((box) => box.id));
      clipboard = added;
      commit([...history.now, ...added]);
      return true;
    },
    /* The boxes of the picture before this one: series of the same part need little moving. */
    repeat() {
      if (!before.length) return false;
      const held = clipboard;
      clipboard = before;
      board.paste();
      clipboard = held;
      return true;
    },
    undo: () => history.undo() && restored(),
    redo: () => history.redo() && restored(),
    accept(ids) {
      if (!scene.editable) return;
      const taken = offered.filter((ghost) => ids.includes(ghost.id));
      offered = offered.filter((ghost) => !ids.includes(ghost.id));
      commit([...history.now, ...taken.map(({ score, ...box }) => fresh(box))], { source: "accepted" });
    },
    acceptAll() {
      const ids = scene.ghosts.map((ghost) => ghost.id);
      if (ids.length) board.accept(ids);
      return ids.length > 0;
    },
    dismiss() {
      const any = offered.length > 0;
      offered = [];
      sift();
      return any;
    },
    escape() {
      if (!scene.selected.size && !scene.draft) return false;
      redraw({ draft: null });
      board.choose([]);
      return true;
    },
    toggle() {
      redraw({ hidden: !scene.hidden });
      part("toggle")?.setAttribute("aria-pressed", String(!scene.hidden));
    },
    setHand(on) {
      hand = on;
      surface.dataset.cursor = on ? "grab" : "cross";
      part("hand")?.setAttribute("aria-pressed", String(on));
    },
    fit: () => viewer.viewport.goHome(),
    zoom(by) {
      viewer.viewport.zoomBy(by);
      viewer.viewport.applyConstraints();
    },
    fly(id) {
      const box = [...scene.boxes, ...scene.ghosts].find((one) => one.id === id);
      if (!box) return;
      const margin = Math.max(box.x2 - box.x1, box.y2 - box.y1);
      const [x, y] = [(box.x1 - margin) / image.width, (box.y1 - margin) / image.width];
      const width = (box.x2 - box.x1 + 2 * margin) / image.width;
      const height = (box.y2 - box.y1 + 2 * margin) / image.width;
      viewer.viewport.fitBounds(new window.OpenSeadragon.Rect(x, y, width, height));
    },
  };
  const list = createList(root, board);
  const classes = createClasses(root, names, pick);
  const pointer = watchPointer(surface, viewer, board);

  function pick(label) {
    active = label;
    const ids = board.chosen().map((box) => box.id);
    if (ids.length && scene.editable) board.classify(ids, label);
    else relist();
  }

  function each(change, joins) {
    commit(
      history.now.map((box) => (scene.selected.has(box.id) ? change(box) : box)),
      { joins },
    );
  }

  function commit(boxes, { source = "drawn", joins = "" } = {}) {
    history.push(boxes, joins);
    restored(source);
  }

  function restored(source = "drawn") {
    const ids = new Set(history.now.map((box) => box.id));
    scene.selected = new Set([...scene.selected].filter((id) => ids.has(id)));
    scene.boxes = history.now;
    sift();
    options.onChange?.(value(), source);
  }

  /* Proposals that are labelled already, or less sure than asked for, are not shown. */
  function sift() {
    scene.ghosts = offered.filter(
      (ghost) =>
        ghost.score >= floor &&
        !scene.boxes.some((box) => box.label === ghost.label && overlap(box, ghost) > SAME),
    );
    redraw();
    relist();
    options.onProposals?.(scene.ghosts.length, offered.length);
  }

  function relist() {
    const used = new Map();
    for (const box of scene.boxes) used.set(box.label, (used.get(box.label) ?? 0) + 1);
    classes.show(active, used);
    list.show(scene.boxes.slice(0, RENDERED), scene.selected, scene.ghosts.slice(0, RENDERED));
    part("undo")?.toggleAttribute("disabled", !history.canUndo);
    part("redo")?.toggleAttribute("disabled", !history.canRedo);
  }

  function value() {
    return {
      schema_version: 1,
      width: image.width,
      height: image.height,
      boxes: history.now.map(({ x1, y1, x2, y2, label }) => ({ x1, y1, x2, y2, label })),
    };
  }

  function redraw(changes = {}) {
    Object.assign(scene, changes);
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(paint);
  }

  function paint() {
    wanted = false;
    if (image && viewer.world.getItemCount()) painter.paint(scene, transform(viewer, image));
  }

  const watched = new ResizeObserver(() => {
    painter.fit(surface.clientWidth, surface.clientHeight);
    redraw();
  });
  watched.observe(surface);
  viewer.addHandler("update-viewport", paint);
  const dos = {
    in: () => board.zoom(1.5),
    out: () => board.zoom(1 / 1.5),
    fit: board.fit,
    toggle: board.toggle,
    hand: () => board.setHand(!hand),
    add: board.add,
    undo: board.undo,
    redo: board.redo,
    "accept-all": board.acceptAll,
    dismiss: board.dismiss,
  };
  const stops = new AbortController();
  for (const button of root.querySelectorAll("[data-editor]")) {
    button.addEventListener("click", () => image && dos[button.dataset.editor](), { signal: stops.signal });
  }
  const slider = part("floor");
  const shown = part("floor-shown");
  const setFloor = () => {
    floor = Number(slider.value);
    shown.textContent = floor.toFixed(2);
    sift();
  };
  slider?.addEventListener("input", setFloor, { signal: stops.signal });
  if (slider) floor = Number(slider.value);

  /* Boxes of a picture that is being shown; nothing of the one before can be undone here. */
  function load(labels) {
    before = scene.boxes.length ? scene.boxes : before;
    offered = [];
    Object.assign(scene, { selected: new Set(), theirs: [], theirName: "", draft: null, lit: null });
    history.reset((labels?.boxes ?? []).map(fresh));
    scene.boxes = history.now;
    sift();
  }

  return {
    async open(picture, labels) {
      image = null;
      scene.boxes = [];
      const size = await show(viewer, picture);
      image = size;
      load(labels);
      return size;
    },
    load,
    prefetch(picture) {
      if (picture.kind === "tiles") describe(picture.url).catch(() => {});
      else new Image().src = picture.url;
    },
    value,
    /* As one step that can be undone. */
    replace: (labels, source) => commit((labels?.boxes ?? []).map(fresh), { source }),
    merge: (labels) => commit(union(history.now, (labels?.boxes ?? []).map(fresh))),
    propose({ labels, scores }) {
      offered = labels.boxes.map((box, index) => fresh({ ...box, score: scores[index] ?? 1 }));
      sift();
    },
    compare(labels, name = "") {
      redraw({ theirs: labels?.boxes ?? [], theirName: name });
    },
    setEditable(on) {
      scene.editable = on;
      redraw();
      relist();
    },
    press: (event) => image !== null && pressed(event, board),
    busy: () => pointer.busy(),
    get ready() {
      return image !== null;
    },
    undo: board.undo,
    redo: board.redo,
    close() {
      stops.abort();
      watched.disconnect();
      viewer.removeHandler("update-viewport", paint);
      surface.remove();
      classes.clear();
      list.show([], new Set(), []);
    },
  };
}
