/* The grid of records: a bar that says how many are selected, ranges by Shift. */
const form = document.getElementById("records");
const bar = document.getElementById("bulk");
if (form && bar) {
  const boxes = [...form.querySelectorAll("input[name=record]")];
  const count = document.getElementById("bulk-count");
  let last = -1;

  function show() {
    const chosen = boxes.filter((box) => box.checked).length;
    bar.hidden = chosen === 0;
    form.classList.toggle("picking", chosen > 0);
    count.textContent =
      chosen === 1 ? count.dataset.one : count.dataset.many.replace("%n", String(chosen));
  }

  boxes.forEach((box, index) =>
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last >= 0) {
        const [from, to] = [Math.min(last, index), Math.max(last, index)];
        boxes.slice(from, to + 1).forEach((one) => (one.checked = box.checked));
      }
      last = index;
      show();
    }),
  );
  const all = (checked) => () => {
    boxes.forEach((box) => (box.checked = checked));
    show();
  };
  document.getElementById("bulk-all").addEventListener("click", all(true));
  document.getElementById("bulk-none").addEventListener("click", all(false));
  show();
}
