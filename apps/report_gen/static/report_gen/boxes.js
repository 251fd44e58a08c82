/* Boxes along the patient's axes, in RAS mm, of two opposite corners. */

const LEAST_MM = 1;

/* From the lower to the higher end along each axis. */
export function spansOf(one, other) {
  return [0, 1, 2].map((axis) => [Math.min(one[axis], other[axis]), Math.max(one[axis], other[axis])]);
}

/* The box and its longest side within the plane; null where it is too thin to be one. With both
   corners in one slice it is as deep as it is wide on average: a lesion is roundish. */
export function boxOf(one, other, across, together) {
  const spans = spansOf(one, other);
  const wide = [0, 1, 2].filter((axis) => axis !== across).map((axis) => spans[axis][1] - spans[axis][0]);
  if (Math.min(...wide) < LEAST_MM) return null;
  if (together) {
    const half = (wide[0] + wide[1]) / 4;
    spans[across] = [other[across] - half, other[across] + half];
  }
  return { spans, size: Math.max(...wide) };
}
