// Command notation-go signs and verifies images of a registry on loopback by notation's own library, in the way in which
// its command line does, whose module cannot be installed by its version.
//
//	notation-go sign -key FILE -chain FILE [FLAGS] IMAGE
//	notation-go verify -config FOLDER [FLAGS] IMAGE
//
// What it finds goes to standard output, as JSON. It ends with 0 where it signed or verified, with 1 where the image or the
// trust policy is refused, and with 2 where the question itself was wrong, so that a mistake in a test is never taken for a
// verdict.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/crl"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	notationregistry "github.com/notaryproject/notation-go/registry"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
)

func main() {
	if len(os.Args) < 2 {
		wrong(errors.New("usage: notation-go sign|verify FLAGS IMAGE"))
	}
	switch os.Args[1] {
	case "sign":
		sign(context.Background(), os.Args[2:])
	case "verify":
		verify(context.Background(), os.Args[2:])
	default:
		wrong(fmt.Errorf("unknown command %q", os.Args[1]))
	}
}

// repositoryOf opens the repository of an image over plain HTTP. With forceTag, what is pushed goes under the tag of
// referrers without asking whether the registry has the API.
func repositoryOf(image string, forceTag bool) (notationregistry.Repository, registry.Reference) {
	reference, err := registry.ParseReference(image)
	if err != nil {
		wrong(err)
	}
	if reference.Reference == "" {
		wrong(fmt.Errorf("%q names neither a tag nor a digest", image))
	}
	repository := &remote.Repository{Reference: reference, PlainHTTP: true}
	if forceTag {
		if err := repository.SetReferrersCapability(false); err != nil {
			wrong(err)
		}
	}
	return notationregistry.NewRepository(repository), reference
}

// validatorFor asks OCSP responders and CRL servers with the limits of the command line, and keeps nothing.
func validatorFor(kind purpose.Purpose) revocation.Validator {
	fetcher, err := crl.NewHTTPFetcher(&http.Client{Timeout: 5 * time.Second})
	if err != nil {
		wrong(err)
	}
	validator, err := revocation.NewWithOptions(revocation.Options{
		OCSPHTTPClient:   &http.Client{Timeout: 2 * time.Second},
		CRLFetcher:       fetcher,
		CertChainPurpose: kind,
	})
	if err != nil {
		wrong(err)
	}
	return validator
}

// pairs are flags of the form KEY=VALUE, each given as often as it takes.
type pairs map[string]string

func (p pairs) String() string { return "" }

func (p pairs) Set(text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("%q is not KEY=VALUE", text)
	}
	p[key] = value
	return nil
}

// moment is a flag with a time as RFC 3339 writes it.
type moment struct{ time.Time }

func (m *moment) String() string { return "" }

func (m *moment) Set(text string) (err error) {
	m.Time, err = time.Parse(time.RFC3339, text)
	return err
}

func print(what any) {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		wrong(err)
	}
}

func wrong(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
