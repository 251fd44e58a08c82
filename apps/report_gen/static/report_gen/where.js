/* Places and lengths in words: directions of the patient, millimetres, slices. */

export const AXES = { axial: 2, coronal: 1, sagittal: 0, three: 2 };
export const NAMES = ["sagittal", "coronal", "axial"];

/* A place in RAS mm. */
export function directions([x, y, z]) {
  const side = (value, plus, minus) => `${value >= 0 ? plus : minus} ${Math.abs(value).toFixed(0)}`;
  return `${side(x, "R", "L")} · ${side(y, "A", "P")} · ${side(z, "S", "I")} mm`;
}

/* Slices are counted from the head, from the front and from the patient's right. */
export function slice(words, axis, { number, total }) {
  return words.in_plane.replace("%plane", words.planes[NAMES[axis]]).replace("%n", String(number)).replace("%total", String(total));
}

/* The three lengths of a box, as millimetres; two where it has no depth yet. */
export function lengths(spans) {
  return `${spans.map(([from, to]) => (to - from).toFixed(0)).join(" × ")} mm`;
}
