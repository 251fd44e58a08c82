/* A line or a box that is being drawn with the keys: over the planes, each time they are drawn. */
import { spansOf } from "./boxes.js";
import { NAMES } from "./where.js";

const COLOURS = [[5, [0.03, 0.04, 0.05, 1]], [2, [0.45, 1, 0.35, 1]]]; // dark under light: seen on any mask
const KINDS = { axial: 0, coronal: 1, sagittal: 2 }; // niivue's numbers of planes

export class Sketch {
  constructor(volume) {
    const { nv } = volume;
    this.volume = volume;
    this.nv = nv;
    this.about = null;
    const draw = nv.drawSceneCore.bind(nv);
    nv.drawSceneCore = () => {
      const told = draw();
      if (this.about) this.draw(this.about);
      return told;
    };
  }

  /* From a place in RAS mm to wherever the crosshair is. `kind`: "measure" or "box"; `axis` tells
     which one crosses the plane. */
  begin(kind, from, axis) {
    this.about = { kind, from, axis };
    this.nv.drawScene();
  }

  hide() {
    if (!this.about) return;
    this.about = null;
    this.nv.drawScene();
  }

  /* A distance that stays until the view is reset, in the slice it was measured in. */
  keep(from, to, axis) {
    const { nv } = this;
    nv.document.completedMeasurements.push({
      startMM: from,
      endMM: to,
      sliceIndex: -1,
      sliceType: KINDS[NAMES[axis]],
      slicePosition: nv.scene.crosshairPos[axis],
      distance: Math.hypot(...from.map((value, at) => to[at] - value)),
    });
    this.hide();
  }

  /* Where a place of the slice that is shown lies on the canvas. */
  pixel(place, axis) {
    const shown = [...place];
    shown[axis] = this.volume.position()[axis];
    return this.nv.frac2canvasPosWithTile(this.nv.mm2frac(shown), KINDS[NAMES[axis]])?.pos;
  }

  draw({ kind, from, axis: across }) {
    const { nv } = this;
    const to = this.volume.position();
    const axis = across();
    if (kind === "measure") {
      const [one, other] = [this.pixel(from, axis), this.pixel(to, axis)];
      if (one && other && this.volume.near(from, to, axis)) nv.drawMeasurementTool([...one, ...other]);
      return;
    }
    const [u, v] = [0, 1, 2].filter((each) => each !== axis);
    const spans = spansOf(from, to);
    const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([a, b]) => {
      const corner = [...from];
      corner[u] = spans[u][a];
      corner[v] = spans[v][b];
      return this.pixel(corner, axis);
    });
    if (corners.some((corner) => !corner)) return;
    const { gl } = nv;
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
    gl.depthFunc(gl.ALWAYS);
    for (const [width, colour] of COLOURS) corners.forEach((corner, at) => nv.drawLine([...corner, ...corners[(at + 1) % 4]], width, colour));
  }
}
