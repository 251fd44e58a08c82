/* A CT volume in a canvas: niivue with windows, planes, masks in the findings' colours. */
import { DRAG_MODE, NVImage, Niivue, SHOW_RENDER, SLICE_TYPE } from "../vendor/niivue-0.69.0/niivue.min.js";

const PLANES = { three: SLICE_TYPE.MULTIPLANAR, axial: SLICE_TYPE.AXIAL, coronal: SLICE_TYPE.CORONAL, sagittal: SLICE_TYPE.SAGITTAL };

export function drawsVolumes() {
  return Boolean(document.createElement("canvas").getContext("webgl2"));
}

/* niivue draws gradients of every volume for its rendering in space, which is not shown here: two
   passes over all voxels and two textures, most of what showing a volume costs. While it fills the
   textures of a volume, the first that is asked for cleared is theirs: from there on the volume is
   one voxel large to it. */
function withoutGradients(nv) {
  const one = [3, 1, 1, 1, 1, 1, 1, 1];
  const refresh = nv.refreshLayers.bind(nv);
  const texture = nv.rgbaTex.bind(nv);
  nv.refreshLayers = (image, layer) => {
    const { dims } = image.hdr;
    nv.rgbaTex = (before, unit, size, cleared = false) => {
      if (layer || !cleared) return texture(before, unit, size, cleared);
      image.hdr.dims = one;
      return texture(before, unit, one, cleared);
    };
    try {
      refresh(image, layer);
    } finally {
      image.hdr.dims = dims;
      nv.rgbaTex = texture;
    }
  };
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
      measureLineColor: [0.98, 0.78, 0.31, 1],
      measureTextColor: [0.98, 0.78, 0.31, 1],
      measureTextHeight: 0.025,
      viewModeHotKey: "",
      clipPlaneHotKey: "",
      cycleClipPlaneHotKey: "",
      loadingText: "",
      logLevel: "error",
    });
  }

  async start(moved) {
    await this.nv.attachToCanvas(this.canvas);
    withoutGradients(this.nv);
    this.nv.onLocationChange = moved;
    this.planes("three");
  }

  async image(url, name) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(await answer.text());
    const buffer = await answer.arrayBuffer();
    return NVImage.loadFromUrl({ url: buffer, name });
  }

  /* Puts a volume in the place of the one before, without moving the view. */
  async show(url, window) {
    const image = await this.image(url, "volume.nii.gz");
    const at = this.base ? this.position() : null;
    [image.cal_min, image.cal_max] = window;
    this.base = image;
    this.stack();
    if (at) this.goTo(at);
  }

  /* Volume and masks in the viewer. Adding and removing them one by one would have the textures of
     all of them made again each time. */
  stack() {
    this.nv.volumes = this.masks ? [this.base, this.masks] : [this.base];
    this.nv.back = this.base;
    this.nv.overlays = this.nv.volumes.slice(1);
    this.nv.updateGLVolume();
  }

  async overlay(url) {
    const image = await this.image(url, "masks.nii.gz");
    this.masks = image;
    this.plain = image.img.slice();
    this.boxes();
    this.colour();
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
    this.boxes();
    this.paint();
  }

  paint() {
    if (!this.masks) return;
    this.colour();
    this.drawn(this.masks, 1);
  }

  /* One of the two anew: the other's texture stays as it is. */
  drawn(image, layer) {
    if (!this.nv.volumes.includes(image)) return;
    this.nv.refreshLayers(image, layer);
    this.nv.drawScene();
  }

  /* One colour for each number of the masks; numbers of no finding, and hidden ones, are clear. */
  colour() {
    const table = { R: [], G: [], B: [], A: [], I: [], labels: [] };
    const colours = new Map(this.told.filter((one) => one.label).map((one) => [one.label, one.colour]));
    for (let number = 0; number < 256; number += 1) {
      const colour = colours.get(number) ?? "#000000";
      table.R.push(parseInt(colour.slice(1, 3), 16));
      table.G.push(parseInt(colour.slice(3, 5), 16));
      table.B.push(parseInt(colour.slice(5, 7), 16));
      table.A.push(colours.has(number) && !this.hidden.has(number) ? 255 : 0);
      table.I.push(number);
      table.labels.push("");
    }
    this.masks.setColormapLabel(table);
    this.masks.opacity = this.opacity;
    this.nv.opts.atlasOutline = this.opacity ? 0.9 : 0;
    this.nv.opts.atlasActiveIndex = this.chosen;
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
    this.boxes();
    this.paint();
    return !this.hidden.has(number);
  }

  window([low, high]) {
    if (!this.base) return;
    this.base.cal_min = low;
    this.base.cal_max = high;
    this.drawn(this.base, 0);
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
    return this.nv.frac2mm(this.nv.scene.crosshairPos);
  }

  goTo([x, y, z]) {
    if (!this.base) return;
    this.nv.scene.crosshairPos = this.nv.mm2frac([x, y, z]);
    this.nv.drawScene();
    this.nv.createOnLocationChange();
  }

  step(axis, by) {
    const move = [0, 0, 0];
    move[axis] = by;
    this.nv.moveCrosshairInVox(...move);
  }

  reset() {
    this.nv.setPan2Dxyzmm([0, 0, 0, 1]);
    this.nv.clearAllMeasurements();
    this.nv.scene.crosshairPos = [0.5, 0.5, 0.5];
    this.nv.drawScene();
    this.nv.createOnLocationChange();
  }

  drag(name, released) {
    const modes = { move: DRAG_MODE.crosshair, measure: DRAG_MODE.measurement, box: DRAG_MODE.roiSelection };
    this.nv.opts.dragModePrimary = modes[name];
    this.nv.setMouseEventConfig({ leftButton: { primary: modes[name] }, rightButton: DRAG_MODE.pan, centerButton: DRAG_MODE.pan });
    this.nv.onDragRelease = released ?? (() => {});
  }

  together(other) {
    this.nv.broadcastTo([other.nv], { "2d": true, "3d": false });
    other.nv.broadcastTo([this.nv], { "2d": true, "3d": false });
  }

  alone() {
    this.nv.broadcastTo([]);
  }
}
