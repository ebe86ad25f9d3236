#!/usr/bin/env bash
# Starts torchstreamer-server. Installs missing packages and builds first. Without options it offers
# the telephone line of speech.sh on http://127.0.0.1:8080, where browsers get a page.
#
#   pipelines/serve.sh [--SETTING=VALUE...]   the options of torchstreamer-server
set -euo pipefail
"$(dirname "$0")/../.ci/prepare" server
. "$(dirname "$0")/environment.sh"
options=("$@")
if [[ " $*" != *" --config"* && " $*" != *" --models"* ]]; then
  mkdir -p "$build/models"
  [ -e "$build/models/telephone.pt" ] || pipelines/make_telephone.py "$build/models/telephone.pt"
  options+=(--models="$build/models")
fi
[[ " $*" == *" --config"* || " $*" == *" --pages"* ]] || options+=(--pages=pipelines/server/page)
exec "$build/pipelines/server/torchstreamer-server" "${options[@]}"
