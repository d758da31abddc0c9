package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"strings"
	"time"

	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	corex509 "github.com/notaryproject/notation-core-go/x509"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/signer"
	"github.com/notaryproject/tspclient-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var formats = map[string]string{"jws": jws.MediaTypeEnvelope, "cose": cose.MediaTypeEnvelope}

// signFlags are those of `notation sign`, and behind them what the command line leaves to plugins, or to the clock.
type signFlags struct {
	key, chain, format        string
	expiry                    time.Duration
	metadata                  pairs
	timestampURL, timestampCA string
	forceTag                  bool

	scheme       string
	at, until    moment
	critical     pairs
	plugin       string
	pluginOldest string
}

func (f *signFlags) isPlain() bool {
	return f.scheme == "" && f.at.IsZero() && f.until.IsZero() && len(f.critical) == 0 && f.plugin == ""
}

// sign signs an image and pushes the signature, as `notation sign` does.
func sign(ctx context.Context, args []string) {
	f := signFlags{metadata: pairs{}, critical: pairs{}}
	flags := flag.NewFlagSet("sign", flag.ExitOnError)
	flags.StringVar(&f.key, "key", "", "PEM of the signer's key")
	flags.StringVar(&f.chain, "chain", "", "PEM of the signer's certificate and of those above it")
	flags.StringVar(&f.format, "format", "jws", "jws or cose")
	flags.DurationVar(&f.expiry, "expiry", 0, "how long the signature holds; for ever by default")
	flags.Var(f.metadata, "metadata", "KEY=VALUE of the user's metadata")
	flags.StringVar(&f.timestampURL, "timestamp-url", "", "timestamp authority")
	flags.StringVar(&f.timestampCA, "timestamp-root", "", "certificate of its root")
	flags.BoolVar(&f.forceTag, "force-referrers-tag", true, "push the index of referrers under its tag, whatever the registry can do")
	flags.StringVar(&f.scheme, "scheme", "", "signing scheme; notary.x509 by default")
	flags.Var(&f.at, "at", "moment of signing, as RFC 3339; now by default")
	flags.Var(&f.until, "until", "moment of expiry, as RFC 3339")
	flags.Var(f.critical, "critical", "KEY=VALUE of a further critical attribute")
	flags.StringVar(&f.plugin, "plugin", "", "verification plugin that the signature asks for")
	flags.StringVar(&f.pluginOldest, "plugin-min-version", "", "oldest version of it that will do")
	_ = flags.Parse(args)
	if flags.NArg() != 1 {
		wrong(errors.New("usage: notation-go sign FLAGS IMAGE"))
	}
	options := notation.SignOptions{
		SignerSignOptions: notation.SignerSignOptions{SignatureMediaType: formats[f.format], ExpiryDuration: f.expiry},
		ArtifactReference: flags.Arg(0),
		UserMetadata:      f.metadata,
	}
	if f.timestampURL != "" {
		askForTimestamp(&options, f)
	}
	repository, _ := repositoryOf(flags.Arg(0), f.forceTag)
	_, err := notation.Sign(ctx, signerFor(f), repository, options)
	// A registry that deletes nothing keeps the previous index of referrers; notation's command line tells it by this text
	// too, and only warns of it.
	var push notation.ErrorPushSignatureFailed
	if err != nil && !(errors.As(err, &push) && strings.Contains(push.Msg, "failed to delete dangling referrers index")) {
		wrong(err)
	}
	print(map[string]string{"signed": flags.Arg(0)})
}

func askForTimestamp(options *notation.SignOptions, f signFlags) {
	timestamper, err := tspclient.NewHTTPTimestamper(&http.Client{Timeout: 15 * time.Second}, f.timestampURL)
	if err != nil {
		wrong(err)
	}
	roots, err := corex509.ReadCertificateFile(f.timestampCA)
	if err != nil {
		wrong(err)
	}
	pool := x509.NewCertPool()
	for _, root := range roots {
		pool.AddCert(root)
	}
	options.Timestamper = timestamper
	options.TSARootCAs = pool
	options.TSARevocationValidator = validatorFor(purpose.Timestamping)
}

// signerFor is notation's own signer, or one that says what only plugins say.
func signerFor(f signFlags) notation.Signer {
	if f.isPlain() {
		plain, err := signer.NewGenericSignerFromFiles(f.key, f.chain)
		if err != nil {
			wrong(err)
		}
		return plain
	}
	pair, err := tls.LoadX509KeyPair(f.chain, f.key)
	if err != nil {
		wrong(err)
	}
	chain := make([]*x509.Certificate, len(pair.Certificate))
	for i, der := range pair.Certificate {
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			wrong(err)
		}
	}
	local, err := signature.NewLocalSigner(chain, pair.PrivateKey)
	if err != nil {
		wrong(err)
	}
	return &freeSigner{flags: f, local: local}
}

// freeSigner signs by the library beneath, which leaves scheme, times and attributes to whoever calls it.
type freeSigner struct {
	flags signFlags
	local signature.Signer
}

func (s *freeSigner) Sign(ctx context.Context, target ocispec.Descriptor, options notation.SignerSignOptions) ([]byte, *signature.SignerInfo, error) {
	payload, err := json.Marshal(map[string]ocispec.Descriptor{"targetArtifact": target})
	if err != nil {
		return nil, nil, err
	}
	request := (&signature.SignRequest{
		Payload:                  signature.Payload{ContentType: "application/vnd.cncf.notary.payload.v1+json", Content: payload},
		Signer:                   s.local,
		SigningTime:              s.flags.at.Time,
		SigningScheme:            signature.SigningScheme(s.flags.scheme),
		Expiry:                   s.flags.until.Time,
		SigningAgent:             "tests/1.0",
		ExtendedSignedAttributes: s.attributes(),
		Timestamper:              options.Timestamper,
		TSARootCAs:               options.TSARootCAs,
		TSARevocationValidator:   options.TSARevocationValidator,
	}).WithContext(ctx)
	if request.SigningScheme == "" {
		request.SigningScheme = signature.SigningSchemeX509
	}
	if request.SigningTime.IsZero() {
		request.SigningTime = time.Now()
	}
	envelope, err := signature.NewEnvelope(options.SignatureMediaType)
	if err != nil {
		return nil, nil, err
	}
	bytes, err := envelope.Sign(request)
	if err != nil {
		return nil, nil, err
	}
	content, err := envelope.Verify()
	if err != nil {
		return nil, nil, err
	}
	return bytes, &content.SignerInfo, nil
}

func (s *freeSigner) attributes() []signature.Attribute {
	var attributes []signature.Attribute
	for key, value := range s.flags.critical {
		attributes = append(attributes, signature.Attribute{Key: key, Critical: true, Value: value})
	}
	if s.flags.plugin != "" {
		attributes = append(attributes, signature.Attribute{Key: "io.cncf.notary.verificationPlugin", Critical: true, Value: s.flags.plugin})
	}
	if s.flags.pluginOldest != "" {
		attributes = append(attributes, signature.Attribute{Key: "io.cncf.notary.verificationPluginMinVersion", Critical: true, Value: s.flags.pluginOldest})
	}
	return attributes
}
