/* Mouse, pen and fingers on the picture: draw, choose, move, resize, pan, zoom.

   Dragging draws; inside a chosen box it moves that box, at a handle it resizes it. The wheel zooms.
   Space, the middle or right button, the hand tool or two fingers pan. Alt draws over a chosen box. */

import { between, handleNear, inside, moved, resized, under } from "./geometry.js";

const CLICK = 4; /* pixels a press may move and still be a click */
const REACH = { mouse: 7, pen: 10, touch: 18 };
const CURSOR = { n: "ns", s: "ns", e: "ew", w: "ew", ne: "nesw", sw: "nesw", nw: "nwse", se: "nwse" };

export function watchPointer(surface, viewer, board) {
  const fingers = new Map();
  let gesture = null;
  let space = false;

  const here = (event) => {
    const frame = surface.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  };
  const reachOf = (event) => (REACH[event.pointerType] ?? REACH.mouse) / board.at().scale;

  surface.addEventListener("pointerdown", (event) => {
    if (!board.image()) return;
    surface.focus({ preventScroll: true });
    surface.setPointerCapture(event.pointerId);
    const point = here(event);
    fingers.set(event.pointerId, point);
    if (fingers.size === 2) {
      board.draft(null);
      if (gesture?.undo) gesture.undo();
      const [a, b] = [...fingers.values()];
      gesture = { kind: "pinch", middle: middle(a, b), width: distance(a, b) };
      return;
    }
    if (fingers.size > 2) return;
    gesture = begin(event, point);
    event.preventDefault();
  });

  function begin(event, point) {
    const at = board.at().toImage(point.x, point.y);
    const pans = event.button > 0 || space || board.hand();
    if (pans) return { kind: "pan", last: point, from: point, clicks: event.button === 0 };
    const chosen = board.chosen();
    if (board.editable() && !event.altKey && chosen.length === 1) {
      const handle = handleNear(chosen[0], at.x, at.y, reachOf(event));
      if (handle) return { kind: "resize", handle, from: point, original: chosen[0] };
    }
    if (board.editable() && !event.altKey && !event.shiftKey && chosen.some((box) => inside(box, at.x, at.y))) {
      return { kind: "move", from: point, start: at, originals: chosen, moving: false };
    }
    return { kind: board.editable() ? "draw" : "pan", from: point, last: point, start: at, clicks: true };
  }

  surface.addEventListener("pointermove", (event) => {
    const point = here(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, point);
    if (!board.image()) return;
    if (!gesture) {
      hover(event, point);
      return;
    }
    const at = board.at().toImage(point.x, point.y);
    const far = gesture.from ? distance(gesture.from, point) > CLICK : true;
    if (gesture.kind === "pinch" && fingers.size === 2) pinch();
    else if (gesture.kind === "pan") {
      pan(point.x - gesture.last.x, point.y - gesture.last.y);
      gesture.last = point;
      if (far) gesture.clicks = false;
    } else if (gesture.kind === "draw" && far) {
      gesture.clicks = false;
      board.draft(between({ label: board.active() }, gesture.start.x, gesture.start.y, at.x, at.y, board.image()));
    } else if (gesture.kind === "move" && (far || gesture.moving)) {
      gesture.moving = true;
      const [dx, dy] = [at.x - gesture.start.x, at.y - gesture.start.y];
      board.preview(gesture.originals.map((box) => moved(box, dx, dy, board.image())));
    } else if (gesture.kind === "resize") {
      gesture.moving = true;
      board.preview([resized(gesture.original, gesture.handle, at.x, at.y, board.image())]);
    }
    board.cross(gesture.kind === "draw" ? point : null);
  });

  const end = (event) => {
    fingers.delete(event.pointerId);
    if (!gesture) return;
    if (gesture.kind === "pinch") {
      if (fingers.size === 0) gesture = null;
      else gesture = { kind: "pan", last: [...fingers.values()][0], from: here(event), clicks: false };
      return;
    }
    const { kind, clicks, moving, start } = gesture;
    gesture = null;
    const point = here(event);
    const at = board.at().toImage(point.x, point.y);
    if (event.type === "pointercancel") {
      board.draft(null);
      board.preview(null);
    } else if (kind === "draw" && !clicks) board.drawn();
    else if ((kind === "move" || kind === "resize") && moving) board.settle();
    else if (clicks || kind === "move" || start) click(event, at);
  };
  surface.addEventListener("pointerup", end);
  surface.addEventListener("pointercancel", end);
  surface.addEventListener("pointerleave", () => board.cross(null));

  function click(event, at) {
    const reach = reachOf(event);
    const box = under(board.boxes(), at.x, at.y, reach);
    const ghost = box ? null : under(board.ghosts(), at.x, at.y, reach);
    if (ghost) board.accept([ghost.id]);
    else board.choose(box ? [box.id] : [], event.shiftKey || event.ctrlKey || event.metaKey);
  }

  function hover(event, point) {
    const at = board.at().toImage(point.x, point.y);
    const chosen = board.chosen();
    const handle =
      board.editable() && chosen.length === 1 && handleNear(chosen[0], at.x, at.y, reachOf(event));
    const over = under(board.boxes(), at.x, at.y) ?? under(board.ghosts(), at.x, at.y);
    board.light(over?.id ?? null);
    board.cross(board.editable() && !board.hand() && !handle && event.pointerType === "mouse" ? point : null);
    const cursor =
      space || board.hand() || !board.editable()
        ? "grab"
        : handle
          ? CURSOR[handle]
          : chosen.some((box) => inside(box, at.x, at.y))
            ? "move"
            : "cross";
    /* Each write makes the browser look for rules that match, whatever is written. */
    if (surface.dataset.cursor !== cursor) surface.dataset.cursor = cursor;
  }

  function pan(dx, dy) {
    const { Point } = window.OpenSeadragon;
    viewer.viewport.panBy(viewer.viewport.deltaPointsFromPixels(new Point(-dx, -dy), true), true);
    viewer.viewport.applyConstraints();
  }

  function pinch() {
    const [a, b] = [...fingers.values()];
    const now = { middle: middle(a, b), width: distance(a, b) };
    zoom(now.width / Math.max(1, gesture.width), now.middle, true);
    pan(now.middle.x - gesture.middle.x, now.middle.y - gesture.middle.y);
    Object.assign(gesture, now);
  }

  function zoom(by, point, immediately = false) {
    const { Point } = window.OpenSeadragon;
    const about = viewer.viewport.pointFromPixel(new Point(point.x, point.y), true);
    viewer.viewport.zoomBy(by, about, immediately);
    viewer.viewport.applyConstraints(immediately);
  }

  surface.addEventListener(
    "wheel",
    (event) => {
      if (!board.image()) return;
      event.preventDefault();
      const step = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
      zoom(Math.exp(-Math.max(-300, Math.min(300, step)) / (event.ctrlKey ? 120 : 400)), here(event));
    },
    { passive: false },
  );
  surface.addEventListener("contextmenu", (event) => event.preventDefault());
  const held = (down) => (event) => {
    if (event.key === " ") space = down;
  };
  document.addEventListener("keydown", held(true));
  document.addEventListener("keyup", held(false));
  window.addEventListener("blur", () => (space = false));
  return { busy: () => gesture !== null };
}

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
