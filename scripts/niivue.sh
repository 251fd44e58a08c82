#!/usr/bin/env bash
# Builds the vendored niivue anew: as published, without Zarr and its three decoders (1.4 MB).
# Needs npm and its registry. usage: scripts/niivue.sh
set -euo pipefail
version=0.69.0
root="$(cd "$(dirname "$0")/.." && pwd)"
target="$root/platform/loupe/console/static/vendor/niivue-$version"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent "esbuild@0.25.0" "@niivue/niivue@$version"
cat > without-zarr.js <<'JS'
/* In place of zarrita: stores of chunks over the network are not opened here. */
const gone = () => { throw new Error("Zarr is not part of this build."); };
export const root = gone, open = gone, get = gone, slice = gone, FetchStore = gone, registry = new Map();
export default {};
JS
echo 'export { Niivue, NVImage, SLICE_TYPE, DRAG_MODE, SHOW_RENDER, MULTIPLANAR_TYPE } from "@niivue/niivue";' > entry.js
./node_modules/.bin/esbuild entry.js --bundle --minify --format=esm --target=es2022 \
  --alias:zarrita=./without-zarr.js --outfile="$target/niivue.min.js"
sha256sum "$target/niivue.min.js"
