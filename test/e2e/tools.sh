#!/usr/bin/env bash
# Builds the real tools that judge countersign, once, into a cache folder keyed by their versions.
#
#   tools.sh                 builds what is missing, one after another, those first that CI cannot do without
#   tools.sh --print         prints NAME=PATH for every tool that is there
#
# COUNTERSIGN_TOOLS names the cache folder (default: $XDG_CACHE_HOME/countersign-tools).
# A tool that cannot be built leaves its error in NAME.log beside it and does not stop the others.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${COUNTERSIGN_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign-tools}
mkdir -p "$cache"

# The version that registry/go.mod requires.
REGISTRY_VERSION=v0.22.1
COSIGN_V2_VERSION=v2.6.5
# The version that containers-image/go.mod requires.
CONTAINERS_IMAGE_VERSION=v5.42.0
COSIGN_V3_VERSION=v3.1.3
# The version of notation's library that notation/go.mod requires.
NOTATION_VERSION=v1.3.2
KUBERNETES_VERSION=v1.36.3
HELM_VERSION=v3.22.0

# name, folder with its version, binary
tools() {
  cat <<LIST
registry $cache/registry-$REGISTRY_VERSION/registry
notation-go $cache/notation-go-$NOTATION_VERSION/notation-go
cosign3 $cache/cosign-$COSIGN_V3_VERSION/cosign
helm $cache/helm-$HELM_VERSION/helm
kubectl $cache/kubectl-$KUBERNETES_VERSION/kubectl
kube-apiserver $cache/kube-apiserver-$KUBERNETES_VERSION/kube-apiserver
kube-controller-manager $cache/kube-controller-manager-$KUBERNETES_VERSION/kube-controller-manager
containers-image $cache/containers-image-$CONTAINERS_IMAGE_VERSION/containers-image
cosign2 $cache/cosign-$COSIGN_V2_VERSION/cosign
LIST
}

if [ "${1:-}" = --print ]; then
  tools | while read -r name path; do [ -x "$path" ] && echo "$name=$path"; done
  exit 0
fi

# Builds one tool in its own folder; the rename at the end makes a half-built tool invisible.
build() {
  local name=$1 path=$2
  shift 2
  [ -x "$path" ] && return 0
  local work=$cache/$name.building
  mkdir -p "$work" "$(dirname "$path")"
  echo "building $name"
  if GOBIN=$work GOFLAGS=-trimpath CGO_ENABLED=0 "$@" >"$cache/$name.log" 2>&1; then
    mv "$work/$(basename "$path")" "$path"
    echo "built $name"
  else
    echo "could not build $name: $(tail -n 1 "$cache/$name.log")"
  fi
}

# Builds a command of a module beside this file, with further flags of go build.
go_module() {
  cd "$here/$1" && go build -ldflags "-s -w $version_flags" "${@:3}" -o "$GOBIN/" "$2"
}

# The API server takes its own version from link flags; without them it reports v0.0.0 and refuses to start.
minor=${KUBERNETES_VERSION#v1.}
version_flags="-X k8s.io/component-base/version.gitVersion=$KUBERNETES_VERSION -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
helm_flags="-X helm.sh/helm/v3/internal/version.version=$HELM_VERSION"
for package in pkg/chartutil pkg/lint/rules; do
  helm_flags="$helm_flags -X helm.sh/helm/v3/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/$package.k8sVersionMinor=${minor%%.*}"
done

tools | while read -r name path; do
  case $name in
    registry) build "$name" "$path" go_module registry . ;;
    # By its library: notation's own command cannot be installed everywhere.
    notation-go) build "$name" "$path" go_module notation . ;;
    cosign3) build "$name" "$path" go install -ldflags '-s -w' "github.com/sigstore/cosign/v3/cmd/cosign@$COSIGN_V3_VERSION" ;;
    # Policies of keys need no gpg, and this leaves its C library out.
    containers-image) build "$name" "$path" go_module containers-image . -tags containers_image_openpgp ;;
    cosign2) build "$name" "$path" go install -ldflags '-s -w' "github.com/sigstore/cosign/v2/cmd/cosign@$COSIGN_V2_VERSION" ;;
    kube-apiserver | kube-controller-manager) build "$name" "$path" go_module control-plane "./cmd/$name" ;;
    # Any recent kubectl will do, so one that is there saves the build.
    kubectl) command -v kubectl >/dev/null || build "$name" "$path" go_module control-plane ./cmd/kubectl ;;
    # Without link flags it renders and lints as if for Kubernetes 1.20, which the chart refuses.
    helm) build "$name" "$path" go install -ldflags "-s -w $helm_flags" "helm.sh/helm/v3/cmd/helm@$HELM_VERSION" ;;
  esac
done
