/* Correcting what a model found: the annotation page's editor over the picture that is shown already.
   The corrected labels travel in the review's form, so that both are stored together. */

import { createEditor } from "./boxes/editor.js";

const said = (id) => JSON.parse(document.getElementById(id).textContent);

/* Null where the person may not correct, or the result has no picture. */
export function offerCorrection(root, viewer, image) {
  const panel = document.getElementById("correct");
  const field = document.getElementById("correction");
  if (!panel || !field) return null;
  const button = document.getElementById("tool-correct");
  const note = document.getElementById("corrected");
  const key = `loupe.correction.${field.dataset.result}`;
  let editor = null;

  function keep(labels) {
    const text = labels ? JSON.stringify(labels) : "";
    field.value = text;
    note.hidden = !text;
    if (text) sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  }

  /* The picture has more or less room than before. */
  function fit() {
    viewer.forceResize();
    viewer.viewport.goHome(true);
  }

  function begin() {
    if (editor || root.dataset.ready !== "yes") return;
    panel.hidden = false;
    root.classList.add("correcting");
    button.setAttribute("aria-pressed", "true");
    fit();
    editor = createEditor(root, {
      about: said("correction-about"),
      editable: true,
      viewer,
      image,
      onChange: keep,
    });
    editor.load(field.value ? JSON.parse(field.value) : said("correction-labels"));
    root.querySelector(".boxes-surface").focus({ preventScroll: true });
  }

  function end() {
    if (!editor) return;
    editor.close();
    editor = null;
    panel.hidden = true;
    root.classList.remove("correcting");
    button.setAttribute("aria-pressed", "false");
    fit();
    button.focus();
  }

  /* Before the page's own keys: numbers are classes here, verbs there. */
  document.addEventListener(
    "keydown",
    (event) => {
      if (!editor || document.querySelector("dialog[open]")) return;
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
      const onButton = event.target.closest?.("button, a, summary");
      if (onButton && (event.key === "Enter" || event.key === " ")) return;
      const used = editor.press(event);
      if (!used && (event.key === "Escape" || event.key === "Enter" || event.key === "e")) end();
      else if (!used && event.key.length > 1) return;
      if (used || event.key.length === 1 || event.key === "Escape" || event.key === "Enter") {
        event.stopImmediatePropagation();
        if (used || event.key === " ") event.preventDefault();
      }
    },
    { capture: true },
  );
  button.addEventListener("click", () => (editor ? end() : begin()));
  document.getElementById("correct-done").addEventListener("click", end);
  document.getElementById("correct-drop").addEventListener("click", () => {
    keep(null);
    end();
  });
  field.form.addEventListener("submit", () => sessionStorage.removeItem(key));
  /* Drawn before a reload and not stored yet. */
  const before = sessionStorage.getItem(key);
  if (before) keep(JSON.parse(before));
  return { begin };
}
