#!/usr/bin/env bash
# Sees to it that the tests have the public tools and peers of DICOM: Debian's dcmtk (dsrdump,
# storescu, dcmqrscp), dicom3tools (dciodvfy) and Orthanc, installed here when root and missing.
set -euo pipefail
export PATH="$PATH:/usr/sbin"
missing=0
for program in dsrdump storescu dcmqrscp dciodvfy Orthanc; do
  command -v "$program" >/dev/null || missing=1
done
if [ "$missing" = 0 ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests of DICOM need dcmtk, dicom3tools and Orthanc: install them (Debian: sudo apt-get" \
    "install dcmtk dicom3tools orthanc) and run this again." >&2
  exit 1
fi
echo "dicom: installing Debian's dcmtk, dicom3tools and orthanc"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends dcmtk dicom3tools orthanc >/dev/null
