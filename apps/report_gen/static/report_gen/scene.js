/* The viewer with its tools: windows, planes, masks, measuring, boxes, a prior beside it. */
import { flat } from "./flat.js";
import { marking } from "./marking.js";
import { Volume, drawsVolumes } from "./volume.js";
import { AXES, directions } from "./where.js";

const SLICES = { ArrowUp: 1, PageUp: 1, ArrowDown: -1, PageDown: -1 };
const ZOOMS = { "+": 1.25, "=": 1.25, "-": 0.8 };

export function scene(told, touched, spoken) {
  const words = told.words;
  const stage = document.getElementById("scene");
  const loaded = document.getElementById("loaded");
  const place = document.getElementById("place");
  const problem = document.getElementById("problem");
  let planes = "three";
  let window_ = "lung";
  let boxed = () => {};
  let prior = null;
  let pictures = null;
  let volume = null;
  let last = 0; // the mask's number under the crosshair
  let byHand = false; // the crosshair moves because somebody points
  let wanted = null; // asked for before there was a volume

  const range = (name) => { const [level, width] = told.windows[name]; return [level - width / 2, level + width / 2]; };

  const marks = marking({ stage, words, spoken, volume: () => volume, planes: () => planes, boxed: (...box) => boxed(...box) });

  function fail(why) {
    problem.textContent = words.failed.replace("%why", why);
    problem.hidden = false;
  }

  function moved(location) {
    const hu = location.values[0]?.value;
    place.textContent = `${directions(location.mm)} · ${Number.isFinite(hu) ? Math.round(hu) : "–"} HU`;
    const label = Math.round(location.values[1]?.value ?? 0);
    if (label && label !== last && byHand) touched(label);
    last = label;
    marks.moved();
    // niivue takes the prior along only while one of the two has the focus.
    if (prior && !document.getElementById("prior-stage").hidden && !stage.querySelector("canvas:focus")) prior.goTo(location.mm);
  }

  async function load() {
    volume = new Volume(document.getElementById("volume"), told.findings);
    stage.dataset.state = "loading";
    try {
      await volume.start(moved);
      const begun = performance.now();
      await volume.show(told.small, range(window_));
      stage.dataset.state = "preview";
      stage.dataset.previewMs = String(Math.round(performance.now() - begun));
      loaded.textContent = words.preview;
      if (told.masks) await volume.overlay(told.masks);
      const first = told.findings.find((one) => one.centre);
      if (first && !wanted) volume.goTo(first.centre);
      if (wanted) volume.goTo(wanted);
      await volume.show(told.full, range(window_));
      stage.dataset.fullMs = String(Math.round(performance.now() - begun));
      stage.dataset.state = "full";
      loaded.textContent = words.whole;
    } catch (error) {
      stage.dataset.state = "failed";
      loaded.textContent = "";
      fail(error.message);
    }
  }

  document.getElementById("volume").addEventListener("pointerdown", () => { byHand = true; }, { capture: true });
  window.addEventListener("pointerup", () => setTimeout(() => { byHand = false; }, 200));

  if (drawsVolumes()) {
    void load();
  } else {
    stage.dataset.state = "flat";
    stage.classList.add("is-flat");
    loaded.textContent = words.no_webgl;
    pictures = flat(told, words, window_);
  }

  function setWindow(name) {
    window_ = name;
    press("[data-window]", (one) => one.dataset.window === name);
    volume?.window(range(name));
    prior?.window(range(name));
    pictures?.window(name);
  }

  function setPlanes(name) {
    planes = name;
    press("[data-planes]", (one) => one.dataset.planes === name);
    volume?.planes(name);
    prior?.planes(name);
  }

  function press(selector, is) {
    stage.querySelectorAll(selector).forEach((one) => one.setAttribute("aria-pressed", String(is(one))));
  }

  const masksTool = document.getElementById("tool-masks");
  const opacity = document.getElementById("opacity");
  masksTool.addEventListener("click", () => {
    const on = masksTool.getAttribute("aria-pressed") !== "true";
    masksTool.setAttribute("aria-pressed", String(on));
    volume?.setOpacity(on ? Number(opacity.value) : 0);
  });
  opacity.addEventListener("input", () => {
    masksTool.setAttribute("aria-pressed", "true");
    volume?.setOpacity(Number(opacity.value));
  });
  stage.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button?.dataset.window) setWindow(button.dataset.window);
    if (button?.dataset.planes) setPlanes(button.dataset.planes);
  });
  document.getElementById("tool-reset").addEventListener("click", () => volume?.reset());
  document.getElementById("tool-full").addEventListener("click", () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void stage.requestFullscreen();
  });

  const choice = document.getElementById("prior");
  choice?.addEventListener("change", async () => {
    const beside = document.getElementById("prior-stage");
    const option = choice.selectedOptions[0];
    beside.hidden = !choice.value;
    document.getElementById("prior-name").textContent = choice.value ? option.textContent : "";
    if (!choice.value) { prior?.stop(); volume.alone(); return; }
    try {
      if (!prior) {
        prior = new Volume(document.getElementById("prior-volume"), []);
        await prior.start(() => {});
      }
      prior.planes(planes);
      await prior.show(option.dataset.small, range(window_));
      volume.together(prior);
      await prior.show(option.dataset.full, range(window_));
      prior.goTo(volume.position());
      stage.dataset.prior = "full";
    } catch (error) {
      if (error.name !== "AbortError") fail(error.message); // another prior was chosen meanwhile
    }
  });

  return {
    choose(finding) {
      volume?.choose(finding.label);
      if (!finding.centre) return;
      wanted = finding.centre;
      volume?.goTo(finding.centre);
      pictures?.goTo(finding.centre);
    },
    findings(findings) { volume?.findings(findings); },
    toggle(number) { return volume ? volume.toggle(number) : true; },
    onBox(told_) { boxed = told_; },
    tell: marks.tell,
    key(event) {
      const { key } = event;
      const names = Object.keys(told.windows);
      if (/^[1-4]$/.test(key)) { setWindow(names[Number(key) - 1]); return true; }
      if (marks.key(event)) return true;
      if (SLICES[key]) {
        volume?.step(AXES[planes], SLICES[key]);
        pictures?.step(-SLICES[key]);
        if (volume?.base) spoken.resting(marks.at());
        return true;
      }
      if (key === "f") { document.getElementById("tool-full").click(); return true; }
      if (pictures) return false;
      if (ZOOMS[key]) { volume.zoom(ZOOMS[key]); return true; }
      if (key === "v") { const order = Object.keys(AXES); setPlanes(order[(order.indexOf(planes) + 1) % order.length]); return true; }
      const tool = document.getElementById({ o: "tool-masks", m: "tool-measure", b: "tool-box", r: "tool-reset" }[key] ?? "");
      tool?.click();
      return Boolean(tool);
    },
  };
}
