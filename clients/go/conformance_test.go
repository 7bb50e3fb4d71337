package cidadao_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	cidadao "cidadao.ai/clients/go"
	pb "cidadao.ai/clients/go/cidadaov1"
)

type watchCase struct {
	Name          string
	AfterSequence int64 `json:"after_sequence"`
	Heartbeats    bool
	Reconnects    int
	Job           json.RawMessage
	Streams       []scriptedStream
	Delivered     []string
	Error         *struct {
		Kind               string
		Expected, Received int64
	}
}

type callCase struct {
	Name           string
	Attempts       int
	Answers        []string
	RetrySeconds   float64 `json:"retry_seconds"`
	TimeoutSeconds float64 `json:"timeout_seconds"`
	TakesSeconds   float64 `json:"takes_seconds"`
	Requests       int
	Error          string
}

type refusalCase struct {
	Name, Method  string
	Request       json.RawMessage
	Error, Reason string
	Fields        []string
	Metadata      map[string]string
}

func conformance(t *testing.T) (cases struct {
	Watches  []watchCase
	Calls    []callCase
	Refusals []refusalCase
}) {
	t.Helper()
	text, err := os.ReadFile("../conformance.json")
	if err == nil {
		err = json.Unmarshal(text, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

var errorKinds = map[string]error{
	"INVALID_ARGUMENT":    cidadao.ErrInvalidArgument,
	"NOT_FOUND":           cidadao.ErrNotFound,
	"ALREADY_EXISTS":      cidadao.ErrAlreadyExists,
	"FAILED_PRECONDITION": cidadao.ErrFailedPrecondition,
	"UNAUTHENTICATED":     cidadao.ErrUnauthenticated,
	"PERMISSION_DENIED":   cidadao.ErrPermissionDenied,
	"RESOURCE_EXHAUSTED":  cidadao.ErrResourceExhausted,
	"ABORTED":             cidadao.ErrAborted,
	"UNAVAILABLE":         cidadao.ErrUnavailable,
	"DEADLINE_EXCEEDED":   cidadao.ErrDeadlineExceeded,
	"UNIMPLEMENTED":       cidadao.ErrUnimplemented,
	"INTERNAL":            cidadao.ErrInternal,
}

// refused checks the kind of an error and that it is of no other kind.
func refused(t *testing.T, err error, name string) *cidadao.Error {
	t.Helper()
	for other, kind := range errorKinds {
		if errors.Is(err, kind) != (other == name) {
			t.Fatalf("%v: is %s", err, other)
		}
	}
	var typed *cidadao.Error
	if !errors.As(err, &typed) {
		t.Fatalf("%v is not an *Error", err)
	}
	return typed
}

// quick has delays that a test need not wait for.
func quick() cidadao.RetryPolicy {
	policy := cidadao.DefaultRetryPolicy()
	policy.InitialDelay, policy.MaxDelay = time.Millisecond, 10*time.Millisecond
	return policy
}

func connect(t *testing.T, address string, options ...cidadao.Option) *cidadao.Client {
	t.Helper()
	client, err := cidadao.New(address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestConformanceWatches(t *testing.T) {
	for _, c := range conformance(t).Watches {
		t.Run(c.Name, func(t *testing.T) {
			s := &script{streams: c.Streams, job: &pb.Investigation{}}
			if c.Job != nil {
				if err := protojson.Unmarshal(c.Job, s.job); err != nil {
					t.Fatal(err)
				}
			}
			s.listen(t, nil)
			policy := quick()
			if c.Reconnects > 0 {
				policy.Reconnects = c.Reconnects
			}
			options := []cidadao.WatchOption{cidadao.After(c.AfterSequence)}
			if c.Heartbeats {
				options = append(options, cidadao.WithHeartbeats())
			}
			delivered, failed := []string{}, error(nil)
			client := connect(t, s.address, cidadao.WithRetryPolicy(policy))
			for event, err := range client.WatchInvestigation(t.Context(), "1", options...) {
				if err != nil {
					failed = err
				} else {
					delivered = append(delivered, textOf(event))
				}
			}
			switch {
			case c.Error == nil:
				if failed != nil {
					t.Error(failed)
				}
			case c.Error.Kind == "SEQUENCE":
				var broken *cidadao.SequenceError
				if !errors.As(failed, &broken) || broken.Expected != c.Error.Expected || broken.Received != c.Error.Received {
					t.Errorf("got %v", failed)
				}
			default:
				if typed := refused(t, failed, c.Error.Kind); typed.Reason != "SCRIPTED" {
					t.Errorf("reason %q", typed.Reason)
				}
			}
			if !slices.Equal(delivered, c.Delivered) {
				t.Errorf("delivered %q, not %q", delivered, c.Delivered)
			}
			var asked []int64
			for _, stream := range c.Streams {
				asked = append(asked, stream.After)
			}
			if !slices.Equal(s.after, asked) {
				t.Errorf("asked after %v, not %v", s.after, asked)
			}
		})
	}
}

func TestConformanceCalls(t *testing.T) {
	seconds := func(number float64) time.Duration { return time.Duration(number * float64(time.Second)) }
	for _, c := range conformance(t).Calls {
		t.Run(c.Name, func(t *testing.T) {
			s := &script{answers: c.Answers, retry: seconds(c.RetrySeconds)}
			s.listen(t, nil)
			policy := quick()
			if c.Attempts > 0 {
				policy.Attempts = c.Attempts
			}
			ctx := t.Context()
			if c.TimeoutSeconds > 0 {
				bounded, cancel := context.WithTimeout(ctx, seconds(c.TimeoutSeconds))
				defer cancel()
				ctx = bounded
			}
			begun := time.Now()
			client := connect(t, s.address, cidadao.WithRetryPolicy(policy))
			request := &pb.StartInvestigationRequest{Query: "contratos"}
			answer, err := client.StartInvestigation(ctx, request)
			if c.Error == "" {
				if err != nil || answer.GetInvestigationId() != "1" {
					t.Errorf("got %v, %v", answer, err)
				}
			} else if typed := refused(t, err, c.Error); c.Error != "DEADLINE_EXCEEDED" &&
				(typed.Reason != "SCRIPTED" || typed.RetryDelay != seconds(c.RetrySeconds)) {
				t.Errorf("got %+v", typed)
			}
			if took := time.Since(begun); took < seconds(c.TakesSeconds) || took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if len(s.starts) != c.Requests {
				t.Errorf("asked %d times, not %d", len(s.starts), c.Requests)
			}
			for _, start := range s.starts {
				if id := start.GetRequestId(); len(id) != 36 || id != s.starts[0].GetRequestId() {
					t.Errorf("request id %q: every attempt is the same request", id)
				}
			}
			if request.GetRequestId() != "" {
				t.Error("the request of the caller was changed")
			}
		})
	}
}

// asked parses the request of a case and makes the call.
func asked[Request proto.Message, Answer any](request Request, call func(context.Context, Request) (Answer, error)) func(context.Context, []byte) error {
	return func(ctx context.Context, text []byte) error {
		if err := protojson.Unmarshal(text, request); err != nil {
			return err
		}
		_, err := call(ctx, request)
		return err
	}
}

func TestConformanceRefusals(t *testing.T) {
	client := connect(t, server.address())
	methods := map[string]func(context.Context, []byte) error{
		"StartInvestigation": asked(&pb.StartInvestigationRequest{}, client.StartInvestigation),
		"StartAnalysis":      asked(&pb.StartAnalysisRequest{}, client.StartAnalysis),
		"ListInvestigations": asked(&pb.ListInvestigationsRequest{}, client.ListInvestigations),
		"GetInvestigation": asked(&pb.GetInvestigationRequest{},
			func(ctx context.Context, request *pb.GetInvestigationRequest) (*pb.Investigation, error) {
				return client.GetInvestigation(ctx, request.GetInvestigationId())
			}),
		"WatchInvestigation": asked(&pb.WatchInvestigationRequest{},
			func(ctx context.Context, request *pb.WatchInvestigationRequest) (event *pb.ProgressEvent, err error) {
				for event, err = range client.WatchInvestigation(ctx, request.GetInvestigationId()) {
					break
				}
				return event, err
			}),
		"GetAnalysis": asked(&pb.GetAnalysisRequest{},
			func(ctx context.Context, request *pb.GetAnalysisRequest) (*pb.Analysis, error) {
				return client.GetAnalysis(ctx, request.GetAnalysisId())
			}),
		"GetContract": asked(&pb.GetContractRequest{},
			func(ctx context.Context, request *pb.GetContractRequest) (*pb.Contract, error) {
				return client.GetContract(ctx, request.GetContractId())
			}),
	}
	for _, c := range conformance(t).Refusals {
		t.Run(c.Name, func(t *testing.T) {
			typed := refused(t, methods[c.Method](t.Context(), c.Request), c.Error)
			if int32(typed.Code) != code.Code_value[c.Error] || typed.Reason != c.Reason || typed.Domain != "cidadao.ai" {
				t.Errorf("got %+v", typed)
			}
			var fields []string
			for _, violation := range typed.FieldViolations {
				fields = append(fields, violation.Field)
				if violation.Description == "" || !strings.Contains(typed.Error(), violation.Field) {
					t.Errorf("%s: %q is not told in %q", violation.Field, violation.Description, typed)
				}
			}
			if !slices.Equal(fields, c.Fields) {
				t.Errorf("fields %q, not %q", fields, c.Fields)
			}
			for key, value := range c.Metadata {
				if typed.Metadata[key] != value {
					t.Errorf("metadata %v", typed.Metadata)
				}
			}
		})
	}
}
