/* In the queue, 1 to 4 speak about the row one stands on where none is chosen. */
import { typing } from "../console/shell.js";

const list = document.getElementById("list");
const bar = document.getElementById("bulk");

if (list && bar) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    if (document.querySelector("dialog[open]") || !bar.hidden) return;
    const box = list.querySelector("tr[data-current] input[data-pick]");
    const button = bar.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
    if (!box || !button) return;
    event.preventDefault();
    box.checked = true;
    box.dispatchEvent(new Event("change", { bubbles: true }));
    button.click();
  });
}
