#!/usr/bin/env bash
# Starts torchstreamer-server. Installs missing packages and builds first. Without options it offers
# the telephone line of speech.sh on http://127.0.0.1:8080, where browsers get a page.
#
#   pipelines/serve.sh [--SETTING=VALUE...]   the options of torchstreamer-server
set -euo pipefail
options=()
for option in "$@"; do  # paths are those of the caller's folder
  case $option in
    --config=* | --models=* | --pages=* | --token-file=* | --tls-certificate=* | --tls-key=*)
      option="${option%%=*}=$(realpath -m "${option#*=}")" ;;
  esac
  options+=("$option")
done
"$(dirname "$0")/../.ci/prepare" server
. "$(dirname "$0")/environment.sh"
if [[ " $*" != *" --config"* && " $*" != *" --models"* ]]; then
  mkdir -p "$build/models"
  [ -e "$build/models/telephone.pt" ] || pipelines/make_telephone.py "$build/models/telephone.pt"
  options+=(--models="$build/models")
fi
[[ " $*" == *" --config"* || " $*" == *" --pages"* ]] || options+=(--pages=pipelines/server/page)
exec "$build/pipelines/server/torchstreamer-server" "${options[@]}"
