/* The station's screen: draws the state it was served with, then every state that is told by
   server-sent events. The state is whole each time, so nothing is missed after a pause. */

const find = (id) => document.getElementById(id);
const read = (id) => JSON.parse(find(id).textContent);
const root = find("station");
const words = read("station-words");
const SVG = "http://www.w3.org/2000/svg";
const chinese = document.documentElement.lang.startsWith("zh");

let state = read("station-state");
let chosen = null; // the view a person tapped, until the next part comes
let announced = state.last ? `${state.last.id} ${state.last.at}` : "";

const element = (name, attributes = {}) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
};

/* ---- sound ---- */

let audio = null;
let sounding = localStorage.getItem("loupe-station-sound") === "on";
const TONES = { pass: [[880, 0.12]], review: [[523, 0.16], [523, 0.16]], fail: [[220, 0.28], [196, 0.4]] };

function play(outcome) {
  if (!sounding || !TONES[outcome]) return;
  audio ??= new AudioContext();
  let at = audio.currentTime + 0.02;
  for (const [pitch, seconds] of TONES[outcome]) {
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    tone.type = outcome === "fail" ? "square" : "sine";
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.0001, at);
    loudness.gain.exponentialRampToValueAtTime(0.35, at + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, at + seconds);
    tone.connect(loudness).connect(audio.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds + 0.06;
  }
}

function drawSound() {
  find("sound").setAttribute("aria-pressed", String(sounding));
  document.querySelector('[data-show="sound"]').textContent = sounding
    ? words.sound_on
    : words.sound_off;
}

/* ---- drawing ---- */

function drawPicture(view, serial) {
  const drawing = find("drawing");
  drawing.replaceChildren();
  find("no-picture").hidden = Boolean(view);
  if (!view) return;
  drawing.setAttribute("viewBox", `0 0 ${view.width} ${view.height}`);
  drawing.setAttribute("aria-label", words.picture.replace("%serial", serial));
  const image = element("image", { width: view.width, height: view.height });
  image.setAttribute("href", root.dataset.pictures.replace("/0/", `/${view.result}/`));
  image.addEventListener("error", () => {
    find("no-picture").hidden = false;
    find("no-picture").textContent = words.broken;
  });
  drawing.append(image);
  for (const mark of view.marks) {
    const margin = 0.006;
    drawing.append(
      element("rect", {
        class: `mark severity-${mark.severity}`,
        x: (mark.x - margin) * view.width,
        y: (mark.y - margin) * view.height,
        width: (mark.width + 2 * margin) * view.width,
        height: (mark.height + 2 * margin) * view.height,
        rx: 4,
      }),
    );
  }
}

function drawViews(part, shown) {
  const list = find("views");
  list.replaceChildren();
  if (!part || (part.views.length < 2 && part.missing.length === 0)) return;
  for (const view of part.views) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = `is-${view.outcome}`;
    button.setAttribute("aria-pressed", String(view === shown));
    button.append(document.createElement("i"), view.name || "–");
    const outcome = document.createElement("span");
    outcome.className = "visually-hidden";
    outcome.textContent = words[view.outcome] ?? view.outcome;
    button.append(outcome);
    button.addEventListener("click", () => {
      chosen = view.result;
      draw();
    });
    row.append(button);
    list.append(row);
  }
  for (const name of part.missing) {
    const row = document.createElement("li");
    const box = document.createElement("span");
    box.className = "missing is-review";
    box.append(document.createElement("i"), words.missing.replace("%names", name));
    row.append(box);
    list.append(row);
  }
}

function draw() {
  const part = state.last;
  const set = (id, text) => {
    if (find(id).textContent !== text) find(id).textContent = text;
  };
  const runs = [state.product, state.lot && words.lot.replace("%lot", state.lot)].filter(Boolean);
  document.querySelector('[data-show="name"]').textContent = state.name;
  document.querySelector('[data-show="runs"]').textContent = runs.join(" · ");
  for (const cell of document.querySelectorAll("[data-count]")) {
    cell.textContent = String(state.shift[cell.dataset.count]);
  }
  const began = find("began");
  began.textContent = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    timeZone: began.dataset.zone,
  }).format(new Date(state.shift.began));
  began.dateTime = state.shift.began;
  root.dataset.outcome = part ? part.outcome : "none";
  if (!part) {
    set("word", words.waiting);
    set("serial", "");
    set("why", "");
    drawPicture(null, "");
    drawViews(null, null);
    return;
  }
  const view = part.views.find((one) => one.result === chosen) ?? part.views[0] ?? null;
  set("word", words[part.outcome] ?? part.outcome);
  set("serial", part.named ? part.serial : words.unread);
  const missing = part.missing.length ? words.missing.replace("%names", part.missing.join(", ")) : "";
  const reason = view ? (chinese ? view.reason_zh : view.reason_en) : "";
  const said = part.reviewed ? words.reviewed : "";
  set("why", part.outcome === "pass" ? said : [said, missing, reason].filter(Boolean).join(" · "));
  drawPicture(view, part.serial);
  drawViews(part, view);
  const judge = find("judge");
  if (judge) {
    judge.action = root.dataset.judge.replace("/0/", `/${part.id}/`);
    judge.hidden = part.outcome === "pass" || part.reviewed || part.views.length === 0;
  }
}

/* ---- the stream ---- */

function told(next) {
  const before = state.last;
  state = next;
  const part = state.last;
  const name = part ? `${part.id} ${part.at}` : "";
  if (name !== announced) {
    if (!before || !part || before.id !== part.id) chosen = null;
    announced = name;
    if (part) play(part.outcome);
  }
  draw();
}

function connected(good) {
  const box = find("lost");
  box.hidden = good;
  box.querySelector("span").textContent = good ? "" : words.lost;
}

function listen() {
  const source = new EventSource(root.dataset.events);
  source.addEventListener("station", (event) => {
    connected(true);
    told(JSON.parse(event.data));
  });
  source.addEventListener("open", () => {
    connected(true);
  });
  source.addEventListener("error", () => {
    connected(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

find("sound").addEventListener("click", () => {
  sounding = !sounding;
  localStorage.setItem("loupe-station-sound", sounding ? "on" : "off");
  drawSound();
  if (sounding) play("pass");
});
find("whole").addEventListener("click", () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
});
find("runs-open")?.addEventListener("click", () => find("runs").showModal());
find("runs-close")?.addEventListener("click", () => find("runs").close());

drawSound();
draw();
listen();
window.addEventListener("online", () => connected(true));
window.addEventListener("offline", () => connected(false));
