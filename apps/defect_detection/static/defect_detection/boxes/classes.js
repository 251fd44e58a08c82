/* The classes to draw with: one button each, the first ten by number key. */

import { colourOf } from "./painter.js";

export function createClasses(root, classes, pick) {
  const place = root.querySelector("[data-part=classes]");
  const item = root.querySelector("[data-part=class-item]").content.firstElementChild;
  const buttons = new Map();
  classes.forEach((name, index) => {
    const button = item.cloneNode(true);
    button.querySelector("[data-text=label]").textContent = name;
    button.querySelector("rect").setAttribute("fill", colourOf(classes, name));
    const key = button.querySelector("kbd");
    if (index < 10) key.textContent = (index + 1) % 10;
    else key.remove();
    button.addEventListener("click", () => pick(name));
    buttons.set(name, button);
    place.append(button);
  });

  return {
    /* The class of a number key, 1 to 9 and 0 for the tenth; undefined for other keys. */
    ofKey: (key) => (/^[0-9]$/.test(key) ? classes[(Number(key) + 9) % 10] : undefined),
    show(active, used) {
      for (const [name, button] of buttons) {
        button.setAttribute("aria-pressed", String(name === active));
        button.querySelector("[data-text=used]").textContent = used.get(name) ?? "";
      }
    },
    clear: () => place.replaceChildren(),
  };
}
