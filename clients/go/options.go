package cidadao

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/url"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
)

const (
	// DefaultTimeout is how long a call may take, its retries included, if its context has no deadline.
	DefaultTimeout = 30 * time.Second
	// LongTimeout is the same for what reads much: reports, results and searches.
	LongTimeout = 2 * time.Minute

	// Findings carry their evidence: a page of a thousand is larger than the 4 MiB that gRPC expects.
	maxMessageBytes = 64 << 20
)

// RetryPolicy says how often and how slowly to try again what was not available.
type RetryPolicy struct {
	// Attempts is how often a call is tried at most; 1 means no retries.
	Attempts int
	// Reconnects is how often in a row a stream is reopened without anything coming out of it, before it
	// is given up.
	Reconnects int
	// InitialDelay comes before the first retry.
	InitialDelay time.Duration
	// Multiplier is the growth of the delay from one retry to the next.
	Multiplier float64
	// MaxDelay is what the delay grows to at most; a longer delay that the server asks for is kept to.
	MaxDelay time.Duration
}

// DefaultRetryPolicy is the policy of a client that is given none.
func DefaultRetryPolicy() RetryPolicy {
	return RetryPolicy{
		Attempts:     8,
		Reconnects:   30,
		InitialDelay: 100 * time.Millisecond,
		Multiplier:   2,
		MaxDelay:     5 * time.Second,
	}
}

// delay is how long to wait after this many failures in a row, of which the server asked for a delay of
// its own. It is spread at random, so that clients that lost the same server do not return together.
func (p RetryPolicy) delay(failures int, asked time.Duration) time.Duration {
	grown := min(float64(p.MaxDelay), float64(p.InitialDelay)*math.Pow(p.Multiplier, float64(failures-1)))
	spread := func(delay, from, to float64) time.Duration {
		return time.Duration(delay * (from + (to-from)*rand.Float64()))
	}
	return max(spread(grown, 0.5, 1), spread(float64(asked), 1, 1.2))
}

// wait waits out a delay; false if the context ends first.
func wait(ctx context.Context, delay time.Duration) bool {
	if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) <= delay {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

type settings struct {
	timeout     time.Duration
	longTimeout time.Duration
	retry       RetryPolicy
	authorities []byte
	credentials func(context.Context) (key, value string, err error)
}

func defaults() settings {
	return settings{timeout: DefaultTimeout, longTimeout: LongTimeout, retry: DefaultRetryPolicy()}
}

// Option sets how a client connects, who is asking, and how patiently.
type Option func(*settings)

// WithAPIKey sends an API key with each call, as metadata x-api-key. It is sent as it is: use TLS beyond
// loopback.
func WithAPIKey(key string) Option {
	return func(s *settings) {
		s.credentials = func(context.Context) (string, string, error) { return "x-api-key", key, nil }
	}
}

// WithBearerToken sends a bearer token with each call, as metadata authorization. The function gives the
// current token; it is asked before each attempt of a call, and its error ends the call.
func WithBearerToken(token func(context.Context) (string, error)) Option {
	return func(s *settings) {
		s.credentials = func(ctx context.Context) (string, string, error) {
			current, err := token(ctx)
			return "authorization", "Bearer " + current, err
		}
	}
}

// WithCA trusts these certificate authorities, as PEM, in place of those of the system.
func WithCA(pem []byte) Option { return func(s *settings) { s.authorities = pem } }

// WithRetryPolicy sets how often and how slowly to try again.
func WithRetryPolicy(policy RetryPolicy) Option { return func(s *settings) { s.retry = policy } }

// WithTimeouts sets how long a call may take if its context has no deadline: long is for reports, results
// and searches, short for all others.
func WithTimeouts(short, long time.Duration) Option {
	return func(s *settings) { s.timeout, s.longTimeout = short, long }
}

func (s *settings) connect(address string) (*grpc.ClientConn, error) {
	parsed, err := url.Parse(address)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Hostname() == "" ||
		(parsed.Path != "" && parsed.Path != "/") || parsed.RawQuery != "" {
		return nil, fmt.Errorf("address must be http://host:port or https://host:port, got %q", address)
	}
	port, transport := "80", insecure.NewCredentials()
	if parsed.Scheme == "https" {
		configuration := &tls.Config{MinVersion: tls.VersionTLS12}
		if s.authorities != nil {
			configuration.RootCAs = x509.NewCertPool()
			if !configuration.RootCAs.AppendCertsFromPEM(s.authorities) {
				return nil, errors.New("there is no certificate authority in the PEM")
			}
		}
		port, transport = "443", credentials.NewTLS(configuration)
	} else if s.authorities != nil {
		return nil, errors.New("a certificate authority needs an https:// address")
	}
	if parsed.Port() != "" {
		port = parsed.Port()
	}
	return grpc.NewClient(net.JoinHostPort(parsed.Hostname(), port),
		grpc.WithTransportCredentials(transport),
		grpc.WithUserAgent("cidadao-client-go"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
		// Retries are made here, where their number is bounded for the whole call.
		grpc.WithDisableRetry(),
		// A server that was away is found again soon: gRPC by itself waits up to two minutes between tries.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second,
			},
			MinConnectTimeout: 5 * time.Second,
		}),
		// A peer that vanished without a word is noticed while a stream waits for its next event.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
	)
}

// authorized is the context with the credentials as they are now.
func (s *settings) authorized(ctx context.Context) (context.Context, error) {
	if s.credentials == nil {
		return ctx, nil
	}
	key, value, err := s.credentials(ctx)
	if err != nil {
		return ctx, fmt.Errorf("credentials: %w", err)
	}
	return metadata.AppendToOutgoingContext(ctx, key, value), nil
}

type watch struct {
	after      int64
	heartbeats bool
}

// WatchOption sets where a stream of events begins and what it shows.
type WatchOption func(*watch)

// After begins after this sequence, the last one that was seen; 0 replays from the start.
func After(sequence int64) WatchOption { return func(w *watch) { w.after = sequence } }

// WithHeartbeats hands over the server's signs of life too. Those of a job repeat the sequence of the
// event before them.
func WithHeartbeats() WatchOption { return func(w *watch) { w.heartbeats = true } }

func watchOf(options []WatchOption) watch {
	var set watch
	for _, option := range options {
		option(&set)
	}
	return set
}
