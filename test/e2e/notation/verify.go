package main

import (
	"context"
	"errors"
	"flag"
	"os"

	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/dir"
	"github.com/notaryproject/notation-go/plugin"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
)

// verdict is what verify prints.
type verdict struct {
	// verified, skipped, refused, or unreadable where the trust policy is refused as a whole.
	Verdict string `json:"verdict"`
	Error   string `json:"error,omitempty"`
	// What was looked at in the signature that counted; failures among it were only logged.
	Checks []check `json:"checks,omitempty"`
	// Of the user, in that signature.
	Metadata map[string]string `json:"metadata,omitempty"`
}

type check struct {
	Type   string `json:"type"`
	Action string `json:"action"`
	Error  string `json:"error,omitempty"`
}

// verify decides about an image under a folder in notation's layout, as `notation verify` does: the reference is resolved
// first, and what is verified is its digest.
func verify(ctx context.Context, args []string) {
	metadata := pairs{}
	flags := flag.NewFlagSet("verify", flag.ExitOnError)
	config := flags.String("config", "", "folder with trustpolicy.json and truststore/")
	most := flags.Int("max-signatures", 100, "how many signatures are looked at")
	flags.Var(metadata, "metadata", "KEY=VALUE that the signature must have")
	_ = flags.Parse(args)
	if flags.NArg() != 1 || *config == "" {
		wrong(errors.New("usage: notation-go verify -config FOLDER FLAGS IMAGE"))
	}
	dir.UserConfigDir = *config
	// Without plugins, wherever this runs.
	dir.UserLibexecDir = *config

	policy, err := verifierOf()
	if err != nil {
		say(verdict{Verdict: "unreadable", Error: err.Error()})
	}
	repository, reference := repositoryOf(flags.Arg(0), false)
	resolved, err := repository.Resolve(ctx, reference.Reference)
	if err != nil {
		wrong(err)
	}
	_, outcomes, err := notation.Verify(ctx, policy, repository, notation.VerifyOptions{
		ArtifactReference:    reference.Registry + "/" + reference.Repository + "@" + resolved.Digest.String(),
		MaxSignatureAttempts: *most,
		UserMetadata:         metadata,
	})
	if err != nil {
		say(verdict{Verdict: "refused", Error: err.Error()})
	}
	if len(outcomes) == 0 {
		say(verdict{Verdict: "refused", Error: "no outcome, and no reason"})
	}
	say(describe(outcomes[0]))
}

// verifierOf reads the trust policy in the folder of the configuration.
func verifierOf() (notation.Verifier, error) {
	document, err := trustpolicy.LoadDocument()
	if err != nil {
		return nil, err
	}
	store := truststore.NewX509TrustStore(dir.ConfigFS())
	return verifier.NewWithOptions(document, store, plugin.NewCLIManager(dir.PluginFS()), verifier.VerifierOptions{
		RevocationCodeSigningValidator:  validatorFor(purpose.CodeSigning),
		RevocationTimestampingValidator: validatorFor(purpose.Timestamping),
	})
}

func describe(outcome *notation.VerificationOutcome) verdict {
	if outcome.VerificationLevel == trustpolicy.LevelSkip {
		return verdict{Verdict: "skipped"}
	}
	said := verdict{Verdict: "verified"}
	for _, result := range outcome.VerificationResults {
		done := check{Type: string(result.Type), Action: string(result.Action)}
		if result.Error != nil {
			done.Error = result.Error.Error()
		}
		said.Checks = append(said.Checks, done)
	}
	// The envelope was read, so there is nothing here that could fail.
	said.Metadata, _ = outcome.UserMetadata()
	return said
}

// say prints the verdict, and ends.
func say(said verdict) {
	print(said)
	if said.Verdict == "verified" || said.Verdict == "skipped" {
		os.Exit(0)
	}
	os.Exit(1)
}
