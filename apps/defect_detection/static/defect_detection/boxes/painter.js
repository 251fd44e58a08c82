/* Draws boxes on one canvas over the picture. A frame costs what is visible, not what there is. */

import { HANDLES, handleAt } from "./geometry.js";

/* Told apart by colour-blind people (Okabe and Ito), and by their names. */
export const COLOURS = [
  "#f0a020", "#56b4e9", "#e8590c", "#2bb58a", "#e78ac3", "#f0e442", "#8ea6ff", "#c3cad3",
];
export const colourOf = (classes, label) =>
  COLOURS[Math.max(0, classes.indexOf(label)) % COLOURS.length];

const INK = "#14181d";
const FONT = "600 11px system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'PingFang SC', sans-serif";

export function createPainter(canvas) {
  const context = canvas.getContext("2d");
  const widths = new Map();
  let ratio = 1;

  function fit(width, height) {
    ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
  }

  function paint(scene, at) {
    const { width, height } = canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const view = { width: width / ratio, height: height / ratio };
    if (scene.hidden) return;
    context.font = FONT;
    context.textBaseline = "middle";
    for (const box of scene.theirs) outline(box, at, view, "#ffffff", [2, 4], scene.theirName);
    for (const ghost of scene.ghosts) {
      const name = `${ghost.label} ${ghost.score.toFixed(2)} ?`;
      outline(ghost, at, view, colourOf(scene.classes, ghost.label), [6, 4], name, ghost.id === scene.lit);
    }
    for (const box of scene.boxes) {
      const chosen = scene.selected.has(box.id);
      const lit = chosen || box.id === scene.lit;
      outline(box, at, view, colourOf(scene.classes, box.label), null, box.label, lit);
      if (chosen && scene.selected.size === 1 && scene.editable) handles(box, at);
    }
    if (scene.draft) {
      outline(scene.draft, at, view, colourOf(scene.classes, scene.draft.label), null, sizeOf(scene.draft), true);
    }
    if (scene.cross) cross(scene.cross, view);
  }

  function outline(box, at, view, colour, dashes, name, lit = false) {
    const left = at.x(box.x1);
    const top = at.y(box.y1);
    const width = (box.x2 - box.x1) * at.scale;
    const height = (box.y2 - box.y1) * at.scale;
    if (left > view.width || top > view.height || left + width < 0 || top + height < 0) return;
    /* Only the visible part is stroked: dashes of a box ten thousand pixels wide cost their length. */
    const x = Math.max(left, -8);
    const y = Math.max(top, -8);
    const w = Math.min(left + width, view.width + 8) - x;
    const h = Math.min(top + height, view.height + 8) - y;
    context.setLineDash([]);
    if (lit) {
      context.fillStyle = `${colour}2e`;
      context.fillRect(x, y, w, h);
    }
    context.lineWidth = lit ? 4.5 : 3.5;
    context.strokeStyle = "rgb(0 0 0 / 45%)";
    context.strokeRect(x, y, w, h);
    const short = Math.min(1, Math.min(width, height) / 40);
    context.setLineDash((dashes ?? []).map((length) => Math.max(2, length * short)));
    context.lineWidth = lit ? 2.5 : 2;
    context.strokeStyle = colour;
    context.strokeRect(x, y, w, h);
    if (name && (lit || width > 28 || height > 28)) tag(name, x, y, colour, top < 18, view);
  }

  function tag(name, left, top, colour, within, view) {
    if (!widths.has(name)) {
      if (widths.size > 2000) widths.clear();
      widths.set(name, context.measureText(name).width);
    }
    const y = within ? Math.max(top, 0) : top - 17;
    const width = widths.get(name) + 10;
    const x = Math.max(Math.min(left - 1, view.width - width), 0);
    context.fillStyle = colour;
    context.fillRect(x, y, width, 16);
    context.fillStyle = INK;
    context.fillText(name, x + 5, y + 8.5);
  }

  function handles(box, at) {
    context.setLineDash([]);
    context.lineWidth = 1.5;
    /* A box that is small on the screen must not vanish under its handles. */
    const side = Math.min(box.x2 - box.x1, box.y2 - box.y1) * at.scale;
    const half = side < 32 ? 2.5 : 4;
    for (const handle of side < 32 ? HANDLES.filter((name) => name.length === 2) : HANDLES) {
      const point = handleAt(box, handle);
      context.fillStyle = "#ffffff";
      context.strokeStyle = INK;
      context.beginPath();
      context.rect(at.x(point.x) - half, at.y(point.y) - half, 2 * half, 2 * half);
      context.fill();
      context.stroke();
    }
  }

  function cross(point, view) {
    context.setLineDash([]);
    context.lineWidth = 1;
    context.strokeStyle = "rgb(255 255 255 / 55%)";
    context.beginPath();
    context.moveTo(0, Math.round(point.y) + 0.5);
    context.lineTo(view.width, Math.round(point.y) + 0.5);
    context.moveTo(Math.round(point.x) + 0.5, 0);
    context.lineTo(Math.round(point.x) + 0.5, view.height);
    context.stroke();
  }

  return { fit, paint };
}

const sizeOf = (box) => `${Math.round(box.x2 - box.x1)} × ${Math.round(box.y2 - box.y1)} px`;
