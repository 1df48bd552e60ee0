// Istio's API, for the one file in it that defines Istio's kinds to an API server.
// A new version: `go get istio.io/api@VERSION` in this folder. Not `go mod tidy`: no Go code uses
// the module, so tidy would drop it.
module perch/ci/servers/istio

go 1.26.0

require istio.io/api v1.31.1
