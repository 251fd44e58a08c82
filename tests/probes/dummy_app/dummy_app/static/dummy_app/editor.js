/* The smallest editor: one number. */
export function createEditor(root, { onChange }) {
  const field = root.querySelector("[data-part=scaled]");
  let ready = false;
  const value = () => ({ schema_version: 1, scaled: Number(field.value), size: "any" });
  const load = (labels) => (field.value = labels?.scaled ?? "");
  field.addEventListener("input", () => onChange(value(), "drawn"));
  return {
    async open(picture, labels) {
      root.querySelector("[data-part=reading]").textContent = await (await fetch(picture.url)).text();
      load(labels);
      ready = true;
    },
    load,
    value,
    prefetch() {},
    replace: (labels, source) => (load(labels), onChange(value(), source)),
    merge: load,
    propose: ({ labels }) => (load(labels), onChange(value(), "accepted")),
    compare() {},
    press: () => false,
    busy: () => false,
    get ready() {
      return ready;
    },
  };
}
