/* The results list: rows by keyboard, a bar that says how many are selected. */
import { typing } from "./shell.js";

const list = document.getElementById("list");
if (list) {
  const rows = [...list.querySelectorAll("tr[data-row]")];
  const boxes = [...list.querySelectorAll("input[name=result]")];
  const all = document.getElementById("all");
  const bar = document.getElementById("bulk");
  const count = document.getElementById("bulk-count");
  let current = -1;

  function show() {
    if (!bar) return;
    const chosen = boxes.filter((box) => box.checked).length;
    bar.hidden = chosen === 0;
    count.textContent =
      chosen === 1 ? count.dataset.one : count.dataset.many.replace("%n", String(chosen));
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }

  function go(to) {
    rows[current]?.removeAttribute("data-current");
    current = Math.max(0, Math.min(rows.length - 1, to));
    rows[current].setAttribute("data-current", "");
    rows[current].querySelector("td.name a").focus({ preventScroll: true });
    rows[current].scrollIntoView({ block: "nearest" });
  }

  list.addEventListener("change", (event) => {
    if (event.target === all) boxes.forEach((box) => (box.checked = all.checked));
    show();
  });
  document.getElementById("bulk-none")?.addEventListener("click", () => {
    boxes.forEach((box) => (box.checked = false));
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const box = event.target instanceof HTMLInputElement && event.target.type === "checkbox";
    if (typing(event.target) && !box) return;
    if (event.key === "j") go(current + 1);
    if (event.key === "k") go(current - 1);
    if (event.key === "x" && boxes[current]) {
      boxes[current].checked = !boxes[current].checked;
      show();
    }
  });
  show();
}
