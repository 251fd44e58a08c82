/* A CT volume in a canvas: niivue with windows, planes, masks in the findings' colours. */
import { volumeOf } from "./nifti.js";
import { Planes } from "./planes.js";
import { Sketch } from "./sketch.js";
import { DRAG_MODE, Niivue, SHOW_RENDER, SLICE_TYPE } from "../vendor/niivue-0.69.0/niivue.min.js";

const PLANES = { three: SLICE_TYPE.MULTIPLANAR, axial: SLICE_TYPE.AXIAL, coronal: SLICE_TYPE.CORONAL, sagittal: SLICE_TYPE.SAGITTAL };
const ACROSS = [2, 1, 0]; // the axis across niivue's axial, coronal and sagittal planes

export function drawsVolumes() {
  return Boolean(document.createElement("canvas").getContext("webgl2"));
}

export class Volume {
  constructor(canvas, told) {
    this.canvas = canvas;
    this.told = told;
    this.hidden = new Set();
    this.opacity = 0.3;
    this.chosen = 0;
    this.masks = null;
    this.base = null;
    this.drawing = null;
    this.coming = null; // what stops the volume that comes
    this.sketch = null;
    this.nv = new Niivue({
      backColor: [0.027, 0.035, 0.043, 1],
      crosshairColor: [0.36, 0.62, 1, 0.75],
      crosshairWidth: 0.9,
      crosshairWidthUnit: "mm",
      fontColor: [0.75, 0.79, 0.84, 1],
      fontSizeScaling: 0.28,
      isRadiologicalConvention: true,
      sagittalNoseLeft: true,
      isColorbar: false,
      isOrientCube: false,
      show3Dcrosshair: false,
      dragAndDropEnabled: false,
      dragMode: DRAG_MODE.pan,
      multiplanarShowRender: SHOW_RENDER.NEVER,
      multiplanarPadPixels: 4,
      isSliceMM: true,
      measureLineColor: [0.45, 1, 0.35, 1],
      measureTextColor: [0.45, 1, 0.35, 1],
      measureTextHeight: 0.06,
      measureTextJustify: "end",
      rulerColor: [0.45, 1, 0.35, 1],
      rulerWidth: 2,
      viewModeHotKey: "",
      clipPlaneHotKey: "",
      cycleClipPlaneHotKey: "",
      loadingText: "",
      logLevel: "error",
    });
  }

  async start(moved) {
    // The keys are the page's: niivue's own would move the crosshair and change tools beside them.
    this.nv.keyDownListener = () => {};
    this.nv.keyUpListener = () => {};
    await this.nv.attachToCanvas(this.canvas);
    this.drawing = new Planes(this.nv);
    this.sketch = new Sketch(this);
    this.nv.onLocationChange = moved;
    this.planes("three");
  }

  /* Puts a volume in the place of the one before, without moving the view. One that still comes is
     given up. */
  async show(url, window) {
    this.stop();
    const coming = new AbortController();
    this.coming = coming;
    const { drawing } = this;
    const image = await volumeOf(url, coming.signal, (begun) => drawing.begin(begun), (...slices) => drawing.fill(...slices));
    coming.signal.throwIfAborted();
    this.coming = null;
    const at = this.base ? this.position() : null;
    [image.cal_min, image.cal_max] = window;
    this.base = image;
    drawing.swap();
    drawing.window(...window);
    this.stack(at);
  }

  stop() {
    this.coming?.abort();
    this.coming = null;
    this.drawing?.drop();
  }

  /* Volume and masks in the viewer, looked at from the same place, drawn once. */
  stack(at) {
    this.nv.volumes = this.masks ? [this.base, this.masks] : [this.base];
    this.nv.back = this.base;
    this.nv.overlays = this.nv.volumes.slice(1);
    this.drawing.place(this.base, this.masks);
    if (at) this.nv.scene.crosshairPos = this.nv.mm2frac(at);
    this.nv.updateGLVolume();
    if (at) this.nv.createOnLocationChange();
  }

  async overlay(url) {
    const image = await volumeOf(url);
    this.masks = image;
    this.plain = image.img.slice();
    this.paintBoxes();
    this.stack();
  }

  /* The masks of what is shown, and what readers drew, on the grid of the masks: a box's sides turn
     with the grid. Numbers of no finding go: a clear colour would still be outlined. */
  boxes() {
    if (!this.masks) return;
    const { img, hdr } = this.masks;
    const [, wide, high, deep] = hdr.dims;
    const shown = new Uint8Array(256);
    for (const { label } of this.told) if (label && !this.hidden.has(label)) shown[label] = 1;
    for (let at = 0; at < img.length; at += 1) img[at] = shown[this.plain[at]] ? this.plain[at] : 0;
    for (const { box, centre, label } of this.told) {
      if (!box || !centre || !shown[label]) continue;
      const middle = this.masks.mm2vox(centre, true);
      const spans = box.map(([from, to], axis) => {
        const half = (to - from) / 2 / hdr.pixDims[axis + 1];
        return [Math.max(0, Math.round(middle[axis] - half)), Math.min([wide, high, deep][axis] - 1, Math.round(middle[axis] + half))];
      });
      for (let z = spans[2][0]; z <= spans[2][1]; z += 1) {
        for (let y = spans[1][0]; y <= spans[1][1]; y += 1) {
          const row = (z * high + y) * wide;
          for (let x = spans[0][0]; x <= spans[0][1]; x += 1) if (!img[row + x]) img[row + x] = label;
        }
      }
    }
  }

  findings(findings) {
    this.told = findings;
    this.paintBoxes();
  }

  paintBoxes() {
    if (!this.masks) return;
    this.boxes();
    this.drawing.mark(this.masks);
    this.paint();
  }

  paint() {
    if (!this.masks) return;
    const colours = new Uint8Array(4 * 256);
    for (const { label, colour } of this.told) {
      if (label) colours.set([1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)), 4 * label);
    }
    this.drawing.paint(colours, this.opacity, 0.9, this.chosen);
    this.nv.drawScene();
  }

  choose(label) {
    if (this.chosen === label) return;
    this.chosen = label;
    this.paint();
  }

  setOpacity(value) {
    this.opacity = value;
    this.paint();
  }

  toggle(number) {
    if (this.hidden.has(number)) this.hidden.delete(number);
    else this.hidden.add(number);
    this.paintBoxes();
    return !this.hidden.has(number);
  }

  window([low, high]) {
    if (!this.base) return;
    this.base.cal_min = low;
    this.base.cal_max = high;
    this.drawing.window(low, high);
    this.nv.drawScene();
  }

  /* Three planes: the axial one large, the others beside it, or below it where the room is tall. */
  planes(name) {
    if (name === "three") {
      const tall = this.canvas.clientHeight > this.canvas.clientWidth;
      const { AXIAL, CORONAL, SAGITTAL } = SLICE_TYPE;
      const beside = [[AXIAL, 0, 0, 0.6, 1], [CORONAL, 0.605, 0, 0.395, 0.5], [SAGITTAL, 0.605, 0.5, 0.395, 0.5]];
      const below = [[AXIAL, 0, 0, 1, 0.6], [CORONAL, 0, 0.605, 0.5, 0.395], [SAGITTAL, 0.5, 0.605, 0.5, 0.395]];
      this.nv.setCustomLayout((tall ? below : beside).map(([sliceType, ...position]) => ({ sliceType, position })));
    } else {
      this.nv.clearCustomLayout();
    }
    this.nv.setSliceType(PLANES[name]);
  }

  position() {
    return [...this.nv.frac2mm(this.nv.scene.crosshairPos)].slice(0, 3);
  }

  goTo([x, y, z]) {
    if (!this.base) return;
    this.nv.scene.crosshairPos = this.nv.mm2frac([x, y, z]);
    this.nv.drawScene();
    this.nv.createOnLocationChange();
  }

  /* To the middle of a slice beside this one; along the other axes the crosshair stays. */
  step(axis, by) {
    if (!this.base) return;
    const voxel = [...this.nv.frac2vox(this.nv.scene.crosshairPos)];
    voxel[axis] = Math.max(0, Math.min(this.base.dimsRAS[axis + 1] - 1, voxel[axis] + by));
    const to = this.position();
    to[axis] = this.nv.frac2mm(this.nv.vox2frac(voxel))[axis];
    this.goTo(to);
  }

  /* By millimetres along the patient's axes, as far as the volume goes. */
  move(by) {
    const inside = [...this.nv.mm2frac(this.position().map((mm, axis) => mm + by[axis]))].map((part) => Math.max(0, Math.min(1, part)));
    this.goTo(this.nv.frac2mm(inside));
  }

  /* Larger or smaller around the crosshair, which stays where it is on the screen. */
  zoom(by) {
    if (!this.base) return;
    const { pan2Dxyzmm: pan } = this.nv.scene;
    const zoom = Math.max(1, Math.min(10, pan[3] * by));
    this.nv.setPan2Dxyzmm([...this.position().map((mm, axis) => pan[axis] + (pan[3] - zoom) * mm), zoom]);
  }

  /* Whether two places lie in one slice. */
  near(one, other, axis) {
    return Math.abs(one[axis] - other[axis]) < this.base.pixDimsRAS[axis + 1] / 2;
  }

  /* Which slice the crosshair is in, from 1, of how many. */
  slice(axis) {
    const total = this.base.dimsRAS[axis + 1];
    return { number: total - this.nv.frac2vox(this.nv.scene.crosshairPos)[axis], total };
  }

  reset() {
    this.nv.setPan2Dxyzmm([0, 0, 0, 1]);
    this.nv.clearAllMeasurements();
    this.nv.scene.crosshairPos = [0.5, 0.5, 0.5];
    this.nv.drawScene();
    this.nv.createOnLocationChange();
  }

  /* `released` gets two corners of a box, `measured` both ends of a distance, RAS mm, and the axis
     across their plane. */
  drag(name, released, measured) {
    const modes = { move: DRAG_MODE.crosshair, measure: DRAG_MODE.measurement, box: DRAG_MODE.roiSelection };
    this.nv.opts.dragModePrimary = modes[name];
    this.nv.setMouseEventConfig({ leftButton: { primary: modes[name] }, rightButton: DRAG_MODE.pan, centerButton: DRAG_MODE.pan });
    this.nv.onDragRelease = ({ mmStart, mmEnd, axCorSag }) => {
      if (this.nv.getCurrentDragMode() === modes[name]) released?.([...mmStart], [...mmEnd], ACROSS[axCorSag] ?? 2);
    };
    this.nv.onMeasurementCompleted = ({ startMM, endMM, sliceType }) => measured?.([...startMM], [...endMM], ACROSS[sliceType] ?? 2);
  }

  together(other) {
    this.nv.broadcastTo([other.nv], { "2d": true, "3d": false });
    other.nv.broadcastTo([this.nv], { "2d": true, "3d": false });
  }

  alone() {
    this.nv.broadcastTo([]);
  }
}
