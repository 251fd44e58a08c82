/* An alert or a case by keyboard: the verbs' digits, n for a note, j for the next one. */
import { typing } from "../console/shell.js";

const form = document.getElementById("call");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.querySelector("dialog[open]")) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const button = form?.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (button) {
    event.preventDefault();
    button.click();
  } else if (event.key === "n") {
    event.preventDefault();
    document.getElementById("note")?.focus();
  } else if (event.key === "e") {
    document.querySelector("#explain button")?.click();
  } else if (event.key === "j") {
    document.getElementById("next")?.click();
  }
});

/* One call per page view: a second press while the first is on its way is dropped. */
form?.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  if (form) delete form.dataset.sent;
});
