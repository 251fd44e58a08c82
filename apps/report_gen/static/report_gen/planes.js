/* How planes of a volume are drawn: straight from its Hounsfield units and the numbers of its masks.
   niivue makes a picture of every voxel before it draws a plane, for the volume and for the masks,
   and again with each window and each change of a mask. A plane shows a few hundred thousand of
   a hundred million voxels: here the window and the outlines are worked out for those alone. */

const ONE = [3, 1, 1, 1, 1, 1, 1, 1];
const [SCAN, MARKS, PALETTE, COMING] = [12, 13, 14, 15]; // niivue uses these units for a tool that is not offered here
const NUMBERS = 256;

const PLANE = `#version 300 es
precision highp float;
precision highp int;
uniform highp isampler3D scan;
uniform highp usampler3D marks;
uniform highp sampler2D palette;
uniform mat4 toScan;
uniform mat4 toMarks;
uniform vec2 range;
uniform vec2 strength;
uniform int chosen;
in vec3 texPos;
out vec4 color;

ivec3 low, high;
vec3 part;

float row(int y, int z) {
  float value = float(texelFetch(scan, ivec3(low.x, y, z), 0).r);
  return part.x == 0.0 ? value : mix(value, float(texelFetch(scan, ivec3(high.x, y, z), 0).r), part.x);
}

float sheet(int z) {
  float value = row(low.y, z);
  return part.y == 0.0 ? value : mix(value, row(high.y, z), part.y);
}

/* Linear between the eight voxels around; a plane through the middles of voxels needs but four. */
float hounsfield(vec3 at) {
  ivec3 last = textureSize(scan, 0) - 1;
  vec3 place = at * vec3(last + 1) - 0.5;
  vec3 middle = round(place);
  place = mix(place, middle, lessThan(abs(place - middle), vec3(0.004)));
  low = ivec3(floor(place));
  part = place - vec3(low);
  high = clamp(low + 1, ivec3(0), last);
  low = clamp(low, ivec3(0), last);
  float value = sheet(low.z);
  return part.z == 0.0 ? value : mix(value, sheet(high.z), part.z);
}

int number(vec3 at) {
  ivec3 size = textureSize(marks, 0);
  ivec3 place = ivec3(floor((toMarks * vec4(at, 1.0)).xyz * vec3(size)));
  if (any(lessThan(place, ivec3(0))) || any(greaterThanEqual(place, size))) return 0;
  return int(texelFetch(marks, place, 0).r);
}

void main() {
  float grey = (hounsfield((toScan * vec4(texPos, 1.0)).xyz) - range.x) / (range.y - range.x);
  color = vec4(vec3(clamp(grey, 0.0, 1.0)), 1.0);
  vec3 right = dFdx(texPos) * 1.25;
  vec3 up = dFdy(texPos) * 1.25;
  if (strength.x <= 0.0) return;
  int here = number(texPos);
  if (here == 0) return;
  bool edge = number(texPos + right) != here || number(texPos - right) != here
    || number(texPos + up) != here || number(texPos - up) != here;
  float alpha = edge ? strength.y : here == chosen ? (strength.x > 0.5 ? strength.x * 0.4 : 0.8) : strength.x;
  color.rgb = mix(color.rgb, texelFetch(palette, ivec2(here, 0), 0).rgb, alpha);
}`;

export class Planes {
  constructor(nv) {
    this.nv = nv;
    this.gl = nv.gl;
    bookkeeping(nv);
    nv.setCustomSliceShader(PLANE);
    this.shader = nv.customSliceShader;
    const { gl } = this;
    this.set("scan", "uniform1i", SCAN);
    this.set("marks", "uniform1i", MARKS);
    this.set("palette", "uniform1i", PALETTE);
    this.set("strength", "uniform2f", 0, 0);
    this.scan = this.texture(SCAN, gl.R16I, ONE);
    this.marks = this.texture(MARKS, gl.R8UI, ONE);
    gl.activeTexture(gl.TEXTURE0 + PALETTE);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    nearest(gl, gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, NUMBERS, 1);
  }

  set(name, kind, ...values) {
    this.shader.use(this.gl);
    this.gl[kind](this.shader.uniforms[name], ...values);
  }

  texture(unit, format, [, wide, high, deep]) {
    const { gl } = this;
    if (Math.max(wide, high, deep) > gl.getParameter(gl.MAX_3D_TEXTURE_SIZE)) throw new Error(`${wide} × ${high} × ${deep}`);
    const made = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_3D, made);
    nearest(gl, gl.TEXTURE_3D);
    gl.texStorage3D(gl.TEXTURE_3D, 1, format, wide, high, deep);
    return made;
  }

  /* Room for a volume that comes; what is drawn stays until `swap`. */
  begin(image) {
    this.drop();
    this.coming = this.texture(COMING, this.gl.R16I, image.hdr.dims);
  }

  fill(image, from, to) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + COMING);
    gl.bindTexture(gl.TEXTURE_3D, this.coming);
    send(gl, image, from, to, gl.SHORT);
  }

  swap() {
    const { gl } = this;
    gl.deleteTexture(this.scan);
    this.scan = this.coming;
    this.coming = null;
    gl.activeTexture(gl.TEXTURE0 + SCAN);
    gl.bindTexture(gl.TEXTURE_3D, this.scan);
  }

  drop() {
    if (this.coming) this.gl.deleteTexture(this.coming);
    this.coming = null;
  }

  /* The numbers of the masks. */
  mark(image) {
    const { gl } = this;
    gl.deleteTexture(this.marks);
    this.marks = this.texture(MARKS, gl.R8UI, image.hdr.dims);
    send(gl, image, 0, image.hdr.dims[3], gl.UNSIGNED_BYTE);
  }

  /* Where volume and masks lie within the box that planes are cut from. */
  place(base, masks) {
    this.set("toScan", "uniformMatrix4fv", false, within(this.nv, base));
    if (masks) this.set("toMarks", "uniformMatrix4fv", false, within(this.nv, masks));
  }

  window(low, high) {
    this.set("range", "uniform2f", low, high);
  }

  /* Colours, three bytes for each number; how strong areas and outlines are, 0 to 1. */
  paint(colours, area, outline, chosen) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + PALETTE);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, NUMBERS, 1, gl.RGBA, gl.UNSIGNED_BYTE, colours);
    this.set("strength", "uniform2f", area, outline);
    this.set("chosen", "uniform1i", chosen);
  }
}

/* niivue keeps its books of where volumes lie; the textures it makes of them are one voxel large. */
function bookkeeping(nv) {
  const refresh = nv.refreshLayers.bind(nv);
  const texture = nv.rgbaTex.bind(nv);
  nv.refreshLayers = (image, layer) => {
    const { hdr, img } = image;
    const { dims } = hdr;
    hdr.dims = ONE;
    image.img = new img.constructor(1);
    nv.rgbaTex = (before, unit, _size, cleared) => {
      nv.back.dims = ONE;
      return texture(before, unit, ONE, cleared);
    };
    try {
      refresh(image, layer);
    } finally {
      hdr.dims = dims;
      image.img = img;
      nv.rgbaTex = texture;
      nv.back.dims = nv.back.dimsRAS;
    }
  };
}

function nearest(gl, target) {
  for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(target, side, gl.NEAREST);
}

function send(gl, image, from, to, type) {
  const [, wide, high] = image.hdr.dims;
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.texSubImage3D(gl.TEXTURE_3D, 0, 0, 0, from, wide, high, to - from, gl.RED_INTEGER, type, image.img, from * wide * high);
}

/* From places within the drawn box, 0 to 1 along each axis, to places within an image, 0 to 1 along
   its own axes: the inverse of where its corners are. Columns one after the other. */
function within(nv, image) {
  const [o, x, y, z] = [image.mm000, image.mm100, image.mm010, image.mm001].map((corner) => Array.from(nv.mm2frac(corner, 0, true)));
  const [a, b, c] = [x, y, z].map((corner) => corner.map((value, axis) => value - o[axis]));
  const cross = (p, q) => [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
  const dot = (p, q) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  const rows = [cross(b, c), cross(c, a), cross(a, b)].map((row) => row.map((value) => value / dot(a, cross(b, c))));
  const columns = [0, 1, 2].map((axis) => [...rows.map((row) => row[axis]), 0]);
  return [...columns.flat(), ...rows.map((row) => -dot(row, o)), 1];
}
