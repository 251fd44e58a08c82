/* Live curves: what the page came with, then every step as the training tells of it. */
const root = document.getElementById("charts");

if (root) {
  const state = document.getElementById("curve-state");
  const table = document.querySelector("#figures tbody");
  const figures = [...root.querySelectorAll(".chart")];
  const steps = new Map();
  for (const one of JSON.parse(document.getElementById("steps").textContent)) {
    steps.set(one.step, one.values);
  }
  const digits = (value) => {
    if (typeof value !== "number" || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    return size !== 0 && (size < 0.001 || size >= 1e5) ? value.toExponential(2) : value.toPrecision(4);
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const charts = figures.map((figure) => new Chart(figure));
  let due = false;

  function Chart(figure) {
    const box = figure.querySelector(".plot");
    const key = figure.dataset.key;
    let plot = null;

    function make() {
      plot?.destroy();
      const line = colour("--line");
      const quiet = colour("--quiet");
      const axis = { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
      plot = new uPlot(
        {
          width: box.clientWidth,
          height: box.clientHeight,
          legend: { show: false },
          cursor: { points: { size: 7 }, drag: { x: true, y: false } },
          scales: { x: { time: false } },
          axes: [
            { ...axis, size: 34, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
            { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : String(+tick.toPrecision(4)))) },
          ],
          series: [
            {},
            { stroke: colour("--accent"), width: 2, spanGaps: true, points: { show: steps.size < 40, size: 5 } },
          ],
          hooks: {
            setCursor: [
              (self) => {
                const at = self.cursor.idx;
                const value = at === null || at === undefined ? undefined : self.data[1][at];
                latest(value === undefined ? null : self.data[0][at], value);
              },
            ],
          },
        },
        data(),
        box,
      );
    }

    function data() {
      const known = [...steps.keys()].sort((a, b) => a - b);
      return [known, known.map((step) => (Number.isFinite(steps.get(step)[key]) ? steps.get(step)[key] : null))];
    }

    function latest(step, value) {
      const [known, values] = data();
      const last = step === null ? values.findLastIndex((one) => one !== null) : known.indexOf(step);
      const shown = step === null ? values[last] : value;
      figure.querySelector("[data-latest]").textContent =
        last < 0 ? "–" : `${digits(shown)} · ${root.dataset.step} ${known[last]}`;
      const there = values.filter((one) => one !== null);
      const best = figure.querySelector("[data-best]");
      if (there.length) {
        const top = figure.dataset.higher ? Math.max(...there) : Math.min(...there);
        best.textContent = `${best.dataset.words} ${digits(top)} · ${root.dataset.step} ${known[values.indexOf(top)]}`;
      }
    }

    this.draw = () => {
      if (!plot) make();
      else plot.setData(data());
      latest(null);
    };
    this.again = () => {
      if (plot) make();
    };
    this.size = () => plot?.setSize({ width: box.clientWidth, height: box.clientHeight });
  }

  function rows() {
    const known = [...steps.keys()].sort((a, b) => b - a);
    table.replaceChildren(
      ...known.map((step) => {
        const row = document.createElement("tr");
        const cells = [step, ...figures.map((figure) => digits(steps.get(step)[figure.dataset.key]))];
        for (const [index, cell] of cells.entries()) {
          const td = document.createElement("td");
          td.textContent = cell;
          td.className = index ? "right number" : "number";
          row.append(td);
        }
        return row;
      }),
    );
  }

  function draw() {
    due = false;
    if (!steps.size) return;
    document.getElementById("no-curves").hidden = true;
    charts.forEach((chart) => chart.draw());
    if (table.closest("details").open) rows();
  }

  // A burst of steps, as after a reconnect, is drawn once.
  function soon() {
    if (!due) requestAnimationFrame(draw);
    due = true;
  }

  table.closest("details").addEventListener("toggle", rows);
  new ResizeObserver(() => charts.forEach((chart) => chart.size())).observe(root);
  new MutationObserver(() => charts.forEach((chart) => chart.again())).observe(document.documentElement, {
    attributes: true,
    attributeFilter: ["data-bs-theme"],
  });
  draw();

  if (root.dataset.events) {
    const source = new EventSource(root.dataset.events);
    source.addEventListener("open", () => (state.textContent = state.dataset.live));
    source.addEventListener("error", () => (state.textContent = state.dataset.lost));
    source.addEventListener("metrics", (event) => {
      const said = JSON.parse(event.data);
      steps.set(said.step, said.values);
      soon();
    });
    source.addEventListener("end", () => {
      source.close();
      state.textContent = "";
    });
    window.addEventListener("pagehide", () => source.close());
  }
}
