/* Review by keyboard: the app's own keys, n for a note, u to undo. */
import { typing } from "./shell.js";

const form = document.getElementById("review");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.querySelector("dialog[open]")) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const button = form?.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (button) {
    button.click();
    event.preventDefault();
  } else if (event.key === "n") {
    document.getElementById("note")?.focus();
    event.preventDefault();
  } else if (event.key === "u") {
    document.getElementById("undo")?.requestSubmit();
  }
});

/* One call per page view: a second press while the first is on its way is dropped. */
form?.addEventListener("submit", (event) => {
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});

form?.querySelectorAll("[data-sign]").forEach((button) => {
  button.addEventListener("click", () => {
    document.getElementById("sign-verb").value = button.dataset.sign;
    document.getElementById("password").required = true;
  });
});
document.getElementById("sign")?.addEventListener("close", () => {
  document.getElementById("password").required = false;
});
