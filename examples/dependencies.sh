#!/usr/bin/env bash
# Installs what weft is built from, on Debian 12 or a system like it. Running it again does nothing.
#   bash examples/dependencies.sh           to build weft
#   bash examples/dependencies.sh --python  to build the Python module too (pip install .)
#   bash examples/dependencies.sh --tests   to build and run all tests too
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

packages=(g++ cmake ninja-build pkg-config ccache libabsl-dev nlohmann-json3-dev libcli11-dev
          libpng-dev libjpeg-dev libwebp-dev libzstd-dev libutf8proc-dev libhwy-dev
          liblua5.4-dev libedit-dev python3-venv)
case "${1:-}" in
  --python) packages+=(python3-dev python3-pip) ;;
  --tests) packages+=(libgtest-dev libgmock-dev python3-numpy python3-pil python3-dev) ;;
esac

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
    missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing Debian packages: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: run this as root, or install sudo" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# oneDNN 3.2 or later: the system's, or the one of the Python index in a folder of our own
# (Debian 12 has 2.6, an older interface).
has_system_onednn() {
  local header
  for header in /usr/include/oneapi/dnnl/dnnl_version.h /usr/local/include/oneapi/dnnl/dnnl_version.h; do
    [ -f "$header" ] || continue
    local major minor
    major=$(sed -n 's/^#define DNNL_VERSION_MAJOR \([0-9]*\)$/\1/p' "$header")
    minor=$(sed -n 's/^#define DNNL_VERSION_MINOR \([0-9]*\)$/\1/p' "$header")
    [ "${major:-0}" -gt 3 ] || { [ "${major:-0}" -eq 3 ] && [ "${minor:-0}" -ge 2 ]; } && return 0
  done
  return 1
}
if [ -f "$root/.deps/onednn/lib/cmake/dnnl/dnnl-config.cmake" ]; then
  :
elif has_system_onednn; then
  echo "Using the system's oneDNN"
else
  echo "Installing oneDNN 3.2 from the Python index into .deps/onednn"
  /usr/bin/python3 -m venv "$root/.deps/onednn"
  "$root/.deps/onednn/bin/pip" install -q --disable-pip-version-check \
    'onednn-devel-cpu-gomp>=2023.2,<2024'
fi

# CLIP's vocabulary, for checkpoints without a tokenizer: OpenCLIP's wheel on the Python index has it.
vocabulary="$root/.deps/models/clip_vocabulary/bpe_simple_vocab_16e6.txt"
if [ ! -f "$vocabulary" ]; then
  echo "Fetching CLIP's vocabulary from the Python index into .deps/models"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  /usr/bin/python3 -m venv "$work/venv"
  "$work/venv/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$work" 'open_clip_torch>=2.20,<4'
  mkdir -p "$(dirname "$vocabulary")"
  /usr/bin/python3 - "$work" "$vocabulary" <<'PYTHON'
import glob, gzip, os, sys, zipfile
[wheel] = glob.glob(os.path.join(sys.argv[1], "*.whl"))
text = gzip.decompress(zipfile.ZipFile(wheel).read("open_clip/bpe_simple_vocab_16e6.txt.gz"))
with open(sys.argv[2] + ".part", "wb") as out:
    out.write(text)
os.replace(sys.argv[2] + ".part", sys.argv[2])
PYTHON
fi
