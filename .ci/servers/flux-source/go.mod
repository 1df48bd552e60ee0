// Flux's source-controller, for the files in it that define its kinds. It is not built, because
// one of its dependencies cannot be had from the module proxy: the tests play it.
// A new version: `go get github.com/fluxcd/source-controller@VERSION` in this folder. Not `go mod
// tidy`: no Go code uses the module, so tidy would drop it.
module perch/ci/servers/flux-source

go 1.26.0

require github.com/fluxcd/source-controller v1.9.6
