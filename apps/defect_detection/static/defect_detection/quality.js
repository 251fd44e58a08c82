/* The charts of the quality page. Every bar leads to the pictures behind it; the same numbers stand
   in tables, whose buttons do the same by keyboard. */

const data = JSON.parse(document.getElementById("quality-data").textContent);
const words = data.words;
const charts = [];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

let latest = null; // what was asked for last: an earlier answer that comes later is not shown

function show(name, key) {
  const place = document.getElementById("pictures");
  const asked = new URLSearchParams({ ...data.filters, [name]: key });
  latest = asked;
  fetch(`${data.pictures}?${asked}`, { headers: { Accept: "text/html" } })
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(answer.statusText))))
    .then(
      (html) => [...new DOMParser().parseFromString(html, "text/html").body.childNodes],
      () => [Object.assign(document.createElement("p"), { className: "flat", textContent: words.lost })],
    )
    .then((shown) => {
      if (latest !== asked) return;
      place.replaceChildren(...shown);
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      place.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    });
}

function day(key) {
  const asked = new URLSearchParams({ ...data.filters, since: key, until: key });
  window.location.search = asked.toString();
}

const text = () => ({ color: colour("--quiet"), fontFamily: getComputedStyle(document.body).fontFamily });
const some = (count) => count || null; // a mark at nought would only hide the axis
const lines = () => ({ lineStyle: { color: colour("--line") } });
const tooltip = (more = {}) => ({
  renderMode: "richText",
  backgroundColor: colour("--surface"),
  borderColor: colour("--line"),
  textStyle: { color: colour("--text"), fontSize: 13 },
  ...more,
});

/* `room`: pixels for all names below the bars. Where one has little of it, names are turned and cut. */
function pareto(bars, room) {
  const each = Math.floor(room / Math.max(1, bars.length));
  const turned = each < 70;
  return {
    animation: false,
    textStyle: text(),
    grid: { left: 8, right: 8, top: 24, bottom: 8, containLabel: true },
    tooltip: tooltip({
      trigger: "axis",
      formatter: (rows) => {
        const bar = bars[rows[0].dataIndex];
        return `${bar.name}\n${bar.bad} ${words.parts}\n${words.share} ${(bar.share * 100).toFixed(1)} %`;
      },
    }),
    xAxis: {
      type: "category",
      data: bars.map((bar) => bar.name),
      axisLabel: { interval: 0, rotate: turned ? 35 : 0, width: turned ? 90 : each, overflow: turned ? "truncate" : "break", color: colour("--quiet") },
      axisLine: lines(),
      axisTick: { show: false },
    },
    yAxis: [
      { type: "value", minInterval: 1, splitLine: lines(), axisLabel: { color: colour("--quiet") } },
      { type: "value", min: 0, max: 1, splitLine: { show: false }, axisLabel: { color: colour("--quiet"), formatter: (share) => `${Math.round(share * 100)} %` } },
    ],
    series: [
      { type: "bar", data: bars.map((bar) => bar.bad), barMaxWidth: 48, itemStyle: { color: colour("--accent"), borderRadius: [3, 3, 0, 0] }, cursor: "pointer" },
      { type: "line", yAxisIndex: 1, data: bars.map((bar) => bar.share), symbol: "circle", symbolSize: 6, lineStyle: { color: colour("--unsure"), width: 2 }, itemStyle: { color: colour("--unsure") }, silent: true },
    ],
  };
}

function overTime(days) {
  const series = (name, key, tone, more) => ({ name, data: days.map((one) => one[key]), itemStyle: { color: colour(tone) }, ...more });
  const stacked = { type: "bar", stack: "parts", barMaxWidth: 28, cursor: "pointer" };
  return {
    animation: false,
    textStyle: text(),
    legend: { top: 0, left: 0, textStyle: { color: colour("--quiet") }, itemWidth: 12, itemHeight: 12, itemGap: 16 },
    grid: { left: 8, right: 8, top: 40, bottom: 8, containLabel: true },
    tooltip: tooltip({ trigger: "axis" }),
    xAxis: { type: "category", data: days.map((one) => one.day), axisLine: lines(), axisTick: { show: false }, axisLabel: { color: colour("--quiet"), formatter: (value) => value.slice(5) } },
    yAxis: { type: "value", minInterval: 1, splitLine: lines(), axisLabel: { color: colour("--quiet") } },
    series: [
      series(words.pass, "passed", "--good", { ...stacked, itemStyle: { color: colour("--good"), opacity: 0.45 } }),
      series(words.review, "review", "--unsure", stacked),
      series(words.fail, "failed", "--bad", stacked),
      series(words.escaped, "escaped", "--text", { type: "line", data: days.map((one) => some(one.escaped)), symbol: "diamond", symbolSize: 9, lineStyle: { width: 0 } }),
      series(words.overkilled, "overkilled", "--accent", { type: "line", data: days.map((one) => some(one.overkilled)), symbol: "triangle", symbolSize: 9, lineStyle: { width: 0 } }),
    ],
  };
}

function put(place, option, chosen) {
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  chart.setOption(option());
  chart.on("click", (event) => chosen(event.dataIndex));
  charts.push([chart, option]);
}

const over = document.getElementById("chart-days");
if (over) put(over, () => overTime(data.days), (index) => day(data.days[index].day));
for (const place of document.querySelectorAll(".chart[data-pareto]")) {
  const name = place.dataset.pareto;
  const bars = data.paretos[name];
  put(place, () => pareto(bars, place.clientWidth - 110), (index) => show(name, bars[index].key));
}
for (const button of document.querySelectorAll("[data-pareto-key]")) {
  button.addEventListener("click", () => show(button.dataset.paretoKey, button.dataset.key));
}
window.addEventListener("resize", () => charts.forEach(([chart]) => chart.resize()));
new MutationObserver(() =>
  charts.forEach(([chart, option]) => chart.setOption(option(), true)),
).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
