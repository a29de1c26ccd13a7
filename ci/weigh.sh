#!/usr/bin/env bash
# Scans a model, judges it beside its base, writes the reports; ends with the verdict's exit code.
# The GitHub Action and the pipelines of docs/ci.md run this. It reads the environment and no arguments:
#   MODEL    what to scan; or SCAN, the id of a stored scan that is only judged
#   POLICY   policy file (the built-in policy when empty)     BASE  stored scan to hold it against
#   PROFILE  quick, standard or deep                          ARGS  further words for `weighbridge scan`
#   OUT      folder for the reports                           SUMMARY  file that the Markdown is added to
#   LOCK     model.lock.json that every byte must match
# Data folder and database are WEIGHBRIDGE_DATA_DIR and WEIGHBRIDGE_DB, as everywhere.
set -Eeuo pipefail
# bash would end with 1, which must mean BLOCK and nothing else.
trap 'exit 3' ERR

out=${OUT:-weighbridge-out}
if [ -z "${MODEL:-}${SCAN:-}" ]; then echo "error: set MODEL or SCAN" >&2; exit 2; fi
mkdir -p "$out"
policy=()
if [ -n "${POLICY:-}" ]; then policy=(--policy "$POLICY"); fi
lock=()
if [ -n "${LOCK:-}" ]; then lock=(--lock "$LOCK"); fi
base=()
if [ -n "${BASE:-}" ]; then base=(--base "$BASE"); fi

scan=${SCAN:-}
if [ -z "$scan" ]; then
  read -r -a more <<<"${ARGS:-}"
  code=0
  weighbridge scan "$MODEL" --profile "${PROFILE:-quick}" ${policy[@]+"${policy[@]}"} ${lock[@]+"${lock[@]}"} \
    --report none --quiet --format json ${more[@]+"${more[@]}"} >"$out/scan.json" || code=$?
  case $code in 0 | 1 | 3 | 4) ;; *) exit "$code" ;; esac
  # A scan that was stopped midway ends with 3 and names no scan: then there is nothing to judge.
  scan=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["scan"])' "$out/scan.json" 2>/dev/null) ||
    { echo "no scan was finished" >&2; exit 3; }
fi

code=0
weighbridge gate "$scan" ${base[@]+"${base[@]}"} ${policy[@]+"${policy[@]}"} ${lock[@]+"${lock[@]}"} \
  --format json >"$out/verdict.json" || code=$?
case $code in 0 | 1 | 3 | 4) ;; *) exit "$code" ;; esac
# A report that cannot be written must not turn a verdict into a pass, nor hide it.
weighbridge report "$scan" --quiet --output "$out" \
  --report sarif --report markdown --report json --report html >"$out/files.txt" ||
  { [ "$code" -ne 0 ] || code=3; echo "the reports could not be written" >&2; }
if [ -n "${SUMMARY:-}" ] && [ -f "$out/report.md" ]; then cat "$out/report.md" >>"$SUMMARY"; fi
echo "weighbridge: scan $scan ends with $code; reports in $out" >&2
exit "$code"
