// Moves along the curve: the slider says what each threshold means, and fills the field for it.
const held = document.getElementById("curve-data");
const slider = document.getElementById("curve-at");

for (const list of document.querySelectorAll("select[data-send]")) {
  list.addEventListener("change", () => list.form.requestSubmit());
}
for (const button of document.querySelectorAll("[data-needless]")) button.hidden = true;

function percent(value) {
  const shown = value * 100;
  const digits = shown >= 10 || shown === 0 ? 0 : shown >= 1 ? 1 : 2;
  return `${shown.toFixed(digits)} %`;
}

function nearest(thresholds, at) {
  let best = 0;
  thresholds.forEach((one, index) => {
    if (Math.abs(one - at) < Math.abs(thresholds[best] - at)) best = index;
  });
  return best;
}

function read(name, curve, index) {
  const value = document.getElementById(`read-${name}`);
  const more = document.getElementById(`read-${name}-more`);
  if (!curve.parts) {
    value.textContent = "–";
    more.textContent = "";
    return;
  }
  value.textContent = percent(curve.losses[index] / curve.parts);
  const interval = `${percent(curve.low[index])} – ${percent(curve.high[index])}`;
  more.textContent = `${curve.losses[index]} / ${curve.parts} · ${interval}`;
}

// What past results would have become; there once that part of the page has come.
function readPast(at) {
  const past = document.getElementById("past-data");
  const shown = document.getElementById("read-past");
  if (!past || !shown) return;
  const curve = JSON.parse(past.textContent);
  shown.hidden = !curve.results;
  if (!curve.results) return;
  const index = nearest(curve.thresholds, at);
  document.getElementById("read-past-fails").textContent = percent(curve.fails[index] / curve.results);
  document.getElementById("read-past-more").textContent =
    `${curve.fails[index]} / ${curve.results}`;
}

if (held && slider) {
  const curves = JSON.parse(held.textContent);
  const line = document.getElementById("curve-here");
  const field = document.getElementById("id_threshold");
  const show = (touched) => {
    const index = nearest(curves.thresholds, Number(slider.value));
    const at = curves.thresholds[index];
    document.getElementById("read-threshold").textContent = String(at);
    slider.setAttribute("aria-valuetext", String(at));
    line.setAttribute("x1", `${at * 100}%`);
    line.setAttribute("x2", `${at * 100}%`);
    read("escape", curves.escape, index);
    read("overkill", curves.overkill, index);
    readPast(at);
    if (touched && field) field.value = String(at);
  };
  slider.addEventListener("input", () => show(true));
  const plot = document.querySelector(".curve-plot");
  plot.addEventListener("pointerdown", (event) => {
    const box = plot.getBoundingClientRect();
    slider.value = String((event.clientX - box.left) / box.width);
    show(true);
    slider.focus();
  });
  document.body.addEventListener("htmx:after:swap", () => show(false));
  show(false);
}
