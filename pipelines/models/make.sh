#!/usr/bin/env bash
# Makes denoise.pt and vad.pt from Debian packages: collects the sounds, trains, exports, evaluates. Takes about three
# hours on 2 cores. A second run continues the first one.
#
#   pipelines/models/make.sh [FOLDER]
#
# FOLDER is for the sounds, checkpoints and models (default: /var/tmp/torchstreamer-speech, 4 GB).
set -euo pipefail
folder=$(realpath -m "${1:-/var/tmp/torchstreamer-speech}")
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
mkdir -p "$folder"

[ -f "$folder/index.json" ] || python3 sources.py "$folder"
for task in vad denoise; do
  python3 train.py "$task" "$folder/$task.checkpoint" --data "$folder"
  python3 export.py "$folder/$task.checkpoint" "$folder/$task.pt"
done
python3 evaluate.py "$folder" --data "$folder"
