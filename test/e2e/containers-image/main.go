// Command containers-image asks containers/image, the library that decides on a node, whether a policy.json with a
// registries.d lets one image of a registry on loopback run. It is the part of `skopeo copy` that decides, with the
// instance of an index that a node of linux/amd64 would pull.
//
// It ends with 0 where the image may run, with 1 and the library's reason where it may not, and with 2 where the
// question itself was wrong, so that a mistake in a test is never taken for a verdict.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
)

func main() {
	policyFile := flag.String("policy", "", "policy.json")
	registries := flag.String("registries.d", "", "folder of registries.d")
	configuration := flag.String("registries-conf", "", "registries.conf")
	flag.Parse()
	if flag.NArg() != 1 {
		wrong(fmt.Errorf("usage: containers-image -policy FILE -registries.d FOLDER -registries-conf FILE IMAGE"))
	}
	policy, err := signature.NewPolicyFromFile(*policyFile)
	if err != nil {
		wrong(err)
	}
	reference, err := docker.ParseReference("//" + flag.Arg(0))
	if err != nil {
		wrong(err)
	}
	system := &types.SystemContext{
		RegistriesDirPath:           *registries,
		SystemRegistriesConfPath:    *configuration,
		SystemRegistriesConfDirPath: *registries,
		DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
		OSChoice:                    "linux",
		ArchitectureChoice:          "amd64",
	}
	if reason := mayRun(context.Background(), policy, reference, system); reason != nil {
		fmt.Println(reason)
		os.Exit(1)
	}
}

// mayRun decides about the image itself, or about the instance that would be pulled of an index. What it returns is why
// the image may not run.
func mayRun(ctx context.Context, policy *signature.Policy, reference types.ImageReference, system *types.SystemContext) error {
	source, err := reference.NewImageSource(ctx, system)
	if err != nil {
		wrong(err)
	}
	defer source.Close()
	decider, err := signature.NewPolicyContext(policy)
	if err != nil {
		wrong(err)
	}
	defer decider.Destroy()

	allowed, err := decider.IsRunningImageAllowed(ctx, image.UnparsedInstance(source, instanceOf(ctx, source, system)))
	if !allowed && err == nil {
		return fmt.Errorf("not allowed, without a reason")
	}
	return err
}

// instanceOf chooses from an index as a pull does; nil where there is nothing to choose.
func instanceOf(ctx context.Context, source types.ImageSource, system *types.SystemContext) *digest.Digest {
	content, mediaType, err := source.GetManifest(ctx, nil)
	if err != nil {
		wrong(err)
	}
	if !manifest.MIMETypeIsMultiImage(mediaType) {
		return nil
	}
	list, err := manifest.ListFromBlob(content, mediaType)
	if err != nil {
		wrong(err)
	}
	chosen, err := list.ChooseInstance(system)
	if err != nil {
		wrong(err)
	}
	return &chosen
}

func wrong(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
