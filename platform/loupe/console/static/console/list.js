/* Lists whose rows are picked: by mouse, by keyboard, by range; a bar says how many, and the app's
   own keys say their verb about all of them. */
import { typing } from "./shell.js";

const list = document.getElementById("list");
if (list) {
  const rows = [...list.querySelectorAll("tr[data-row]")];
  const boxes = [...list.querySelectorAll("input[data-pick]")];
  const all = document.getElementById("all");
  const bar = document.getElementById("bulk");
  const count = document.getElementById("bulk-count");
  const everyButton = document.getElementById("bulk-every");
  const language = document.documentElement.lang;
  let matching = null; // what the filters match on all pages, once the server has said
  let every = false; // whether all of these are selected, and not just rows of this page
  let current = -1;
  let anchor = -1; // where a range starts: the row that was picked or dropped last

  function chosen() {
    return boxes.filter((box) => box.checked).length;
  }

  function show() {
    if (!bar || boxes.length === 0) return;
    const number = chosen();
    if (number < boxes.length) every = false;
    bar.hidden = number === 0;
    count.textContent = every
      ? everyButton.dataset.chosen.replace("%n", matching.count.toLocaleString(language))
      : number === 1
        ? count.dataset.one
        : count.dataset.many.replace("%n", String(number));
    showEvery(number);
    all.checked = number === boxes.length;
    all.indeterminate = number > 0 && number < boxes.length;
    boxes.forEach((box, index) => rows[index]?.toggleAttribute("data-picked", box.checked));
  }

  /* The offer to go beyond this page, where there is more than this page. */
  function showEvery(number) {
    if (!everyButton) return;
    const more = matching !== null && matching.count > boxes.length;
    everyButton.hidden = every || !more || number < boxes.length;
    if (more) {
      const shown = matching.count.toLocaleString(language);
      everyButton.textContent = everyButton.dataset.offer.replace("%n", shown);
    }
    for (const id of ["every", "newest"]) document.getElementById(id).disabled = !every;
    if (number === boxes.length && matching === null) void ask();
  }

  let asking = null;
  function ask() {
    asking ??= fetch(everyButton.dataset.from, { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : null))
      .catch(() => null) // offline: the rows of this page can still be reviewed
      .then((found) => {
        matching = found;
        asking = null;
        if (found !== null) {
          document.getElementById("newest").value = String(found.newest);
          show();
        }
      });
    return asking;
  }

  async function pickEvery() {
    if (!everyButton) return;
    pickAll(true);
    if (matching === null) await ask();
    if (matching === null || matching.count <= boxes.length) return;
    if (chosen() < boxes.length) return; // somebody dropped a row meanwhile
    every = true;
    show();
  }

  function go(to) {
    rows[current]?.removeAttribute("data-current");
    current = Math.max(0, Math.min(rows.length - 1, to));
    rows[current].setAttribute("data-current", "");
    rows[current].querySelector("td.name a").focus({ preventScroll: true });
    rows[current].scrollIntoView({ block: "nearest" });
  }

  function pick(index, checked) {
    if (!boxes[index]) return;
    boxes[index].checked = checked;
    anchor = index;
    show();
  }

  /* Everything between the anchor and `index` becomes what the anchor is. */
  function range(index) {
    if (!boxes[index]) return;
    if (anchor < 0) {
      pick(index, true);
      return;
    }
    const checked = boxes[anchor].checked;
    const [from, to] = anchor < index ? [anchor, index] : [index, anchor];
    for (let one = from; one <= to; one += 1) boxes[one].checked = checked;
    show();
  }

  function pickAll(checked) {
    boxes.forEach((box) => (box.checked = checked));
    anchor = -1;
    show();
  }

  /* A click with Shift is the range; the browser has flipped the box already. */
  list.addEventListener("click", (event) => {
    const index = boxes.indexOf(event.target);
    if (index < 0) return;
    if (event.shiftKey && anchor >= 0) {
      range(index);
      return;
    }
    anchor = index;
  });
  list.addEventListener("change", (event) => {
    if (event.target === all) pickAll(all.checked);
    show();
  });
  everyButton?.addEventListener("click", () => void pickEvery());
  document.getElementById("bulk-none")?.addEventListener("click", () => pickAll(false));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const box = event.target instanceof HTMLInputElement && event.target.type === "checkbox";
    if (typing(event.target) && !box) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const step = { j: 1, k: -1, J: 1, K: -1 }[event.key];
    if (step) {
      const extend = event.key !== event.key.toLowerCase();
      if (extend && current >= 0 && anchor < 0) pick(current, true);
      go(current + step);
      if (extend) range(current);
    } else if (event.key === "x" && current >= 0) {
      pick(current, !boxes[current]?.checked);
    } else if (event.key === "X" && current >= 0) {
      range(current);
    } else if (event.key === "a" && bar) {
      pickAll(chosen() < boxes.length);
    } else if (event.key === "A" && bar && !event.repeat) {
      void pickEvery();
    } else if (event.key === "u" && !event.repeat) {
      document.getElementById("bulk-undo")?.requestSubmit();
    } else if (chosen() > 0 && !event.repeat) {
      const button = bar?.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
      if (!button) return;
      event.preventDefault();
      button.click();
    }
  });

  /* One call per page view: a second press while the first is on its way is dropped. */
  list.addEventListener("submit", (event) => {
    if (list.dataset.sent) event.preventDefault();
    list.dataset.sent = "yes";
  });
  /* Back from another page, the browser may show this one as it was left. */
  window.addEventListener("pageshow", () => {
    delete list.dataset.sent;
    show();
  });
  show();
}
