/* Boxes in source pixels: {id, x1, y1, x2, y2, label}. Pure functions; nothing here changes its arguments. */

export const SMALLEST = 1; /* pixels of a side */
const round = (value) => Math.round(value * 10) / 10;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/* A box between two corners in any order, inside the image, with sides of at least a pixel. */
export function between(box, x1, y1, x2, y2, image) {
  let [left, right] = [clamp(Math.min(x1, x2), 0, image.width), clamp(Math.max(x1, x2), 0, image.width)];
  let [top, bottom] = [clamp(Math.min(y1, y2), 0, image.height), clamp(Math.max(y1, y2), 0, image.height)];
  if (right - left < SMALLEST) {
    left = clamp(left, 0, Math.max(0, image.width - SMALLEST));
    right = Math.min(image.width, left + SMALLEST);
  }
  if (bottom - top < SMALLEST) {
    top = clamp(top, 0, Math.max(0, image.height - SMALLEST));
    bottom = Math.min(image.height, top + SMALLEST);
  }
  return { ...box, x1: round(left), y1: round(top), x2: round(right), y2: round(bottom) };
}

/* Moved as a whole; it stops at the image's edge and keeps its size. */
export function moved(box, dx, dy, image) {
  const x = clamp(dx, -box.x1, image.width - box.x2);
  const y = clamp(dy, -box.y1, image.height - box.y2);
  return { ...box, x1: round(box.x1 + x), y1: round(box.y1 + y), x2: round(box.x2 + x), y2: round(box.y2 + y) };
}

/* One handle, such as "nw" or "e", drawn to a point; a box may be turned over by it. */
export function resized(box, handle, x, y, image) {
  const left = handle.includes("w") ? x : box.x1;
  const right = handle.includes("e") ? x : box.x2;
  const top = handle.includes("n") ? y : box.y1;
  const bottom = handle.includes("s") ? y : box.y2;
  return between(box, left, top, right, bottom, image);
}

export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

export function handleAt(box, handle) {
  const x = handle.includes("w") ? box.x1 : handle.includes("e") ? box.x2 : (box.x1 + box.x2) / 2;
  const y = handle.includes("n") ? box.y1 : handle.includes("s") ? box.y2 : (box.y1 + box.y2) / 2;
  return { x, y };
}

/* The handle within `reach` pixels of the point, corners before sides. */
export function handleNear(box, x, y, far) {
  /* Of a small box the middle stays free to be moved by. */
  const reach = Math.min(far, Math.max(far / 3, Math.min(box.x2 - box.x1, box.y2 - box.y1) / 4));
  const near = HANDLES.filter((handle) => {
    const at = handleAt(box, handle);
    return Math.abs(at.x - x) <= reach && Math.abs(at.y - y) <= reach;
  });
  return near.find((handle) => handle.length === 2) ?? near[0] ?? null;
}

export const inside = (box, x, y, reach = 0) =>
  x >= box.x1 - reach && x <= box.x2 + reach && y >= box.y1 - reach && y <= box.y2 + reach;

export const area = (box) => (box.x2 - box.x1) * (box.y2 - box.y1);

/* What a click means: the smallest box under it, so that a box inside another can be reached. */
export function under(boxes, x, y, reach = 0) {
  return boxes
    .filter((box) => inside(box, x, y, reach))
    .reduce((best, box) => (best === null || area(box) < area(best) ? box : best), null);
}

export function overlap(a, b) {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (area(a) + area(b) - both);
}

/* Everything of both: a box of `theirs` that lies on one of the same class is that one. */
export function union(mine, theirs) {
  const more = theirs.filter(
    (their) => !mine.some((own) => own.label === their.label && overlap(own, their) > 0.9),
  );
  return [...mine, ...more];
}
