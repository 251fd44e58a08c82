/* Volumes as they are sent: a gzipped NIfTI-1 file that is unpacked while it arrives. */
import { NVImage } from "../vendor/niivue-0.69.0/niivue.min.js";

const HEAD = 352; // bytes before the voxels
const SHAPE = 40; // where the header says how many axes there are, and their lengths
const KIND = 70; // where it says what a voxel is
const KINDS = { 2: Uint8Array, 4: Int16Array };
const AT_ONCE = 8 * 2 ** 20; // bytes that are handed on together

/* niivue's volume of one answer. `begun(image)` is called once its shape is known, `came(image,
   from, to)` as slices from..to are there. Its voxels stay where they were unpacked: niivue would
   copy all of them, and count them for a window that nobody asks for. */
export async function volumeOf(url, signal, begun = () => {}, came = () => {}) {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error(await answer.text());
  const pieces = answer.body.pipeThrough(new DecompressionStream("gzip"), { signal }).getReader();
  let bytes = new Uint8Array(HEAD);
  let image = null;
  let have = 0;
  let given = 0;
  for (;;) {
    const { done, value } = await pieces.read();
    if (done) break;
    let rest = value;
    if (!image) {
      const head = rest.subarray(0, HEAD - have);
      bytes.set(head, have);
      have += head.length;
      if (have < HEAD) continue;
      rest = rest.subarray(head.length);
      image = await named(bytes.buffer);
      bytes = new Uint8Array(image.img.buffer);
      have = 0;
      begun(image);
    }
    if (have + rest.length > bytes.length) throw new Error("more voxels than the header says");
    bytes.set(rest, have);
    have += rest.length;
    const slice = bytes.length / image.hdr.dims[3];
    const whole = Math.floor(have / slice);
    if (whole > given && ((whole - given) * slice >= AT_ONCE || have === bytes.length)) {
      came(image, given, whole);
      given = whole;
    }
  }
  if (!image || have < bytes.length) throw new Error("fewer voxels than the header says");
  return image;
}

/* A volume with its header and room for its voxels. niivue reads the header with one voxel. */
async function named(head) {
  const told = new DataView(head);
  const dims = Array.from({ length: 8 }, (_, at) => told.getInt16(SHAPE + 2 * at, true));
  const Kind = KINDS[told.getInt16(KIND, true)];
  if (dims[0] !== 3 || !Kind) throw new Error("no volume of one or two bytes a voxel");
  const single = new Uint8Array(HEAD + Kind.BYTES_PER_ELEMENT);
  single.set(new Uint8Array(head));
  for (let axis = 1; axis < 4; axis += 1) new DataView(single.buffer).setInt16(SHAPE + 2 * axis, 1, true);
  const image = await NVImage.loadFromUrl({ url: single.buffer, name: "volume.nii" });
  image.hdr.dims = dims;
  image.nVox3D = dims[1] * dims[2] * dims[3];
  image.img = new Kind(image.nVox3D);
  image.calculateRAS();
  return image;
}
