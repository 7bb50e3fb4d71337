package cidadao_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "cidadao.ai/clients/go/cidadaov1"
)

// script is a server that does on purpose what the real one must never do. It plays streams to watchers
// and answers to starts, one after another, and keeps what it was asked.
type script struct {
	pb.UnimplementedInvestigationServiceServer

	address string
	streams []scriptedStream
	answers []string
	retry   time.Duration
	job     *pb.Investigation

	lock     sync.Mutex
	after    []int64
	starts   []*pb.StartInvestigationRequest
	metadata []metadata.MD
}

type scriptedStream struct {
	After int64
	Send  []string
	End   string
}

var kinds = map[string]pb.EventKind{
	"":          pb.EventKind_EVENT_KIND_PROGRESS,
	"heartbeat": pb.EventKind_EVENT_KIND_HEARTBEAT,
	"finished":  pb.EventKind_EVENT_KIND_FINISHED,
}

// eventOf is the event that `3`, `heartbeat 3` or `finished 3` stands for in the conformance file.
func eventOf(text string) *pb.ProgressEvent {
	kind, number, found := strings.Cut(text, " ")
	if !found {
		kind, number = "", text
	}
	sequence, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic(err)
	}
	return &pb.ProgressEvent{Sequence: sequence, Kind: kinds[kind]}
}

func textOf(event *pb.ProgressEvent) string {
	for name, kind := range kinds {
		if kind == event.GetKind() {
			return strings.TrimSpace(fmt.Sprintf("%s %d", name, event.GetSequence()))
		}
	}
	return event.String()
}

// listen starts the server; with a certificate it speaks TLS.
func (s *script) listen(t *testing.T, certificate *tls.Certificate) {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	scheme, options := "http", []grpc.ServerOption{}
	if certificate != nil {
		scheme = "https"
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(certificate)))
	}
	port := listener.Addr().(*net.TCPAddr).Port
	s.address = fmt.Sprintf("%s://localhost:%d", scheme, port)
	server := grpc.NewServer(options...)
	pb.RegisterInvestigationServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
}

// selfSigned is a certificate for localhost, and the same as PEM.
func selfSigned(t *testing.T) (*tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (s *script) refuse(name string) error {
	number, known := code.Code_value[name]
	if !known {
		panic("no such code: " + name)
	}
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: "SCRIPTED", Domain: "cidadao.ai"}}
	if s.retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(s.retry)})
	}
	refused, err := status.New(codes.Code(number), "as the script says").WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return refused.Err()
}

func (s *script) StartInvestigation(ctx context.Context, request *pb.StartInvestigationRequest) (*pb.Investigation, error) {
	s.lock.Lock()
	sent, _ := metadata.FromIncomingContext(ctx)
	s.metadata = append(s.metadata, sent)
	// The last answer is given again and again.
	answer := s.answers[min(len(s.starts), len(s.answers)-1)]
	s.starts = append(s.starts, request)
	s.lock.Unlock()
	switch answer {
	case "OK":
		return &pb.Investigation{InvestigationId: "1", RequestId: request.GetRequestId()}, nil
	case "HANG":
		<-ctx.Done()
		return nil, ctx.Err()
	default:
		return nil, s.refuse(answer)
	}
}

func (s *script) GetInvestigation(context.Context, *pb.GetInvestigationRequest) (*pb.Investigation, error) {
	return s.job, nil
}

func (s *script) WatchInvestigation(request *pb.WatchInvestigationRequest, stream grpc.ServerStreamingServer[pb.ProgressEvent]) error {
	s.lock.Lock()
	s.after = append(s.after, request.GetAfterSequence())
	number := len(s.after)
	s.lock.Unlock()
	if number > len(s.streams) {
		return s.refuse("FAILED_PRECONDITION")
	}
	play := s.streams[number-1]
	for _, text := range play.Send {
		if err := stream.Send(eventOf(text)); err != nil {
			return err
		}
	}
	if play.End == "OK" {
		return nil
	}
	return s.refuse(play.End)
}
