#!/bin/sh
# The PDF report needs Pango and HarfBuzz, which pip cannot install: look for them, install them
# where that is possible without asking, and say what to do where it is not.
set -eu
missing=""
for library in libpango-1.0.so.0 libpangoft2-1.0.so.0 libharfbuzz.so.0 libharfbuzz-subset.so.0 libfontconfig.so.1; do
  if ! (ldconfig -p 2>/dev/null || /sbin/ldconfig -p) | grep -q "$library"; then missing="$missing $library"; fi
done
[ -z "$missing" ] && exit 0
[ "$(uname -s)" = Linux ] || { echo "note: PDF reports need Pango (macOS: brew install pango)"; exit 0; }
packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz0b libharfbuzz-subset0 fontconfig"
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages
else
  echo "note: missing$missing; PDF reports need them: sudo apt-get install $packages"
fi
