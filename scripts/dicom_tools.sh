#!/usr/bin/env bash
# Sees to it that the tests have the public tools that DICOM objects are checked with: Debian's dcmtk
# (dsrdump, storescu) and dicom3tools (dciodvfy), installed here when root and missing.
set -euo pipefail
missing=0
for program in dsrdump storescu dciodvfy; do
  command -v "$program" >/dev/null || missing=1
done
if [ "$missing" = 0 ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests of DICOM need dcmtk and dicom3tools: install them (Debian: sudo apt-get install" \
    "dcmtk dicom3tools) and run this again." >&2
  exit 1
fi
echo "dicom: installing Debian's dcmtk and dicom3tools"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends dcmtk dicom3tools >/dev/null
