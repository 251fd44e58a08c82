/* The picture: OpenSeadragon over one file or over tiles, and where its pixels lie on the screen. */

const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

export function createViewer(element) {
  return window.OpenSeadragon({
    element,
    drawer: "canvas",
    showNavigationControl: false,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    animationTime: still ? 0 : 0.15,
    blendTime: 0,
    maxZoomPixelRatio: 16,
    minZoomImageRatio: 0.8,
    visibilityRatio: 0.5,
    imageSmoothingEnabled: false,
    preload: true,
    maxImageCacheCount: 400,
  });
}

/* Show `picture` ({kind: "image" | "tiles", url}); resolves to the size of the image in its own pixels. */
export async function show(viewer, picture) {
  const source =
    picture.kind === "tiles" ? await tiles(picture.url) : { type: "image", url: picture.url };
  await new Promise((resolve, reject) => {
    const done = (settle) => (event) => {
      viewer.removeHandler("open", opened);
      viewer.removeHandler("open-failed", failed);
      settle(event);
    };
    const opened = done(resolve);
    const failed = done((event) => reject(new Error(event.message ?? "")));
    viewer.addHandler("open", opened);
    viewer.addHandler("open-failed", failed);
    viewer.imageLoader.clear(); /* tiles of the picture before are of no use any more */
    viewer.open(source);
  });
  const size = viewer.world.getItemAt(0).getContentSize();
  return { width: size.x, height: size.y };
}

const described = new Map();

/* A description is asked for once; asking early makes the server cut the tiles early. */
export function describe(url) {
  if (!described.has(url)) {
    const answer = fetch(url, { headers: { Accept: "application/json" } }).then(async (response) => {
      if (response.ok) return response.json();
      described.delete(url);
      throw new Error(await response.text());
    });
    answer.catch(() => described.delete(url));
    described.set(url, answer);
  }
  return described.get(url);
}

async function tiles(url) {
  const { width, height, tile, levels, address } = await describe(url);
  /* OpenSeadragon counts its levels from one pixel up, the server from the full size down. */
  const top = Math.ceil(Math.log2(Math.max(width, height)));
  return {
    width,
    height,
    tileSize: tile,
    tileOverlap: 0,
    minLevel: Math.max(0, top - levels + 1),
    maxLevel: top,
    getTileUrl: (level, column, row) =>
      address.replace("LEVEL", top - level).replace("COLUMN", column).replace("ROW", row),
    downloadTileStart,
    downloadTileAbort: (job) => job.userData.stop?.abort(),
  };
}

/* A tile as a canvas, decoded by another thread. The library's own way decodes on the page's thread
   when a tile is first drawn, a screenful at once where zooming comes to the next level. */
function downloadTileStart(job) {
  const stop = new AbortController();
  job.userData.stop = stop;
  fetch(job.src, { signal: stop.signal })
    .then((answer) => {
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      return answer.blob();
    })
    .then((blob) => createImageBitmap(blob))
    .then((bitmap) => {
      const canvas = document.createElement("canvas");
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      const context = canvas.getContext("2d");
      context.drawImage(bitmap, 0, 0);
      bitmap.close();
      job.finish(context, null, "context2d");
    })
    .catch((error) => {
      if (!stop.signal.aborted) job.fail(String(error.message ?? error), null);
    });
}

/* From source pixels to the element's pixels and back, as drawn at this moment. */
export function transform(viewer, image) {
  const { Point } = window.OpenSeadragon;
  const origin = viewer.viewport.pixelFromPoint(new Point(0, 0), true);
  const one = viewer.viewport.pixelFromPoint(new Point(1, 0), true);
  const scale = (one.x - origin.x) / image.width;
  return {
    scale,
    x: (value) => origin.x + value * scale,
    y: (value) => origin.y + value * scale,
    toImage: (left, top) => ({ x: (left - origin.x) / scale, y: (top - origin.y) / scale }),
  };
}
