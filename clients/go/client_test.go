package cidadao_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	cidadao "cidadao.ai/clients/go"
	pb "cidadao.ai/clients/go/cidadaov1"
)

func collect[Item any](t *testing.T, items iter.Seq2[Item, error]) (all []Item) {
	t.Helper()
	for item, err := range items {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

// first is the first item, after which the sequence is left.
func first[Item any](items iter.Seq2[Item, error]) (item Item, err error) {
	for item, err = range items {
		break
	}
	return item, err
}

func ok[Answer any](answer Answer, err error) func(*testing.T) Answer {
	return func(t *testing.T) Answer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

func equal[Message proto.Message](t *testing.T, what string, got, want []Message) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b Message) bool { return proto.Equal(a, b) }) {
		t.Errorf("%s: %d messages that are not the %d expected", what, len(got), len(want))
	}
}

// gapless checks that sequences are 1, 2, 3, … and that the last event is the end.
func gapless(t *testing.T, events []*pb.ProgressEvent) {
	t.Helper()
	for i, event := range events {
		if event.GetSequence() != int64(i)+1 {
			t.Fatalf("event %d has the sequence %d", i+1, event.GetSequence())
		}
	}
	last := events[len(events)-1]
	if last.GetKind() != pb.EventKind_EVENT_KIND_FINISHED || last.GetState() != pb.JobState_JOB_STATE_COMPLETED {
		t.Fatalf("the last event is %v", last)
	}
}

func TestAKilledServerCostsNoEventAndDoublesNone(t *testing.T) {
	ctx, client := t.Context(), connect(t, server.address())
	started := ok(client.StartInvestigation(ctx, &pb.StartInvestigationRequest{
		Query: "contratos",
		// Not answered from an earlier run.
		Options: &pb.InvestigationOptions{AllowCached: proto.Bool(false)},
	}))(t)
	id := started.GetInvestigationId()
	var events []*pb.ProgressEvent
	for event, err := range client.WatchInvestigation(ctx, id) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
		// The kill costs the job an attempt; who is asked to stop takes leave of its watchers first.
		if how, ends := map[int64]os.Signal{4: syscall.SIGKILL, 6: syscall.SIGTERM}[event.GetSequence()]; ends {
			server.end(how)
			if err := server.start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	gapless(t, events)
	if investigation := ok(client.GetInvestigation(ctx, id))(t); investigation.GetAttempt() < 2 {
		t.Error("the kill did not come in the middle")
	}

	// The same events again, from the middle and from the end.
	equal(t, "again", collect(t, client.WatchInvestigation(ctx, id, cidadao.After(4))), events[4:])
	end := int64(len(events))
	equal(t, "after the end", collect(t, client.WatchInvestigation(ctx, id, cidadao.After(end))), nil)
	if _, err := first(client.WatchInvestigation(ctx, id, cidadao.After(end+1))); !errors.Is(err, cidadao.ErrOutOfRange) {
		t.Errorf("ahead of the log: %v", err)
	}

	// Every finding, whatever the pages.
	whole := ok(client.GetInvestigationResults(ctx, &pb.GetInvestigationResultsRequest{InvestigationId: id, PageSize: 1000}))(t)
	if int(whole.GetTotalFindings()) != len(whole.GetFindings()) || len(whole.GetFindings()) <= 20 {
		t.Errorf("%d findings of %d", len(whole.GetFindings()), whole.GetTotalFindings())
	}
	request := &pb.GetInvestigationResultsRequest{InvestigationId: id, PageSize: 7}
	equal(t, "page by page", collect(t, client.Findings(ctx, request)), whole.GetFindings())
	if request.GetPageToken() != "" {
		t.Error("the request of the caller was changed")
	}
	severe := collect(t, client.Findings(ctx, &pb.GetInvestigationResultsRequest{
		InvestigationId: id, MinSeverity: pb.Severity_SEVERITY_HIGH,
	}))
	if len(severe) == 0 || len(severe) >= len(whole.GetFindings()) {
		t.Errorf("%d severe findings", len(severe))
	}

	report := ok(client.GetInvestigationReport(ctx, &pb.GetInvestigationReportRequest{
		InvestigationId: id, Format: "html", Language: "en",
	}))(t)
	if !strings.HasPrefix(report.GetContentType(), "text/html") || !strings.Contains(report.GetReportContent(), id) {
		t.Errorf("report is %s", report.GetContentType())
	}
}

func TestARequestIDMakesOneJob(t *testing.T) {
	ctx, client := t.Context(), connect(t, server.address())
	request := func(query, id string) *pb.StartInvestigationRequest {
		return &pb.StartInvestigationRequest{Query: query, RequestId: id, Filters: &pb.ContractFilters{
			MinValue: proto.Float64(1e6), Modalidades: []pb.Modality{pb.Modality_MODALITY_DISPENSA_LICITACAO},
		}}
	}
	id := uuid.NewString()
	one := ok(client.StartInvestigation(ctx, request("dispensas", id)))(t)
	again := ok(client.StartInvestigation(ctx, request("dispensas", id)))(t)
	if again.GetInvestigationId() != one.GetInvestigationId() || !proto.Equal(one.GetFilters(), request("", "").GetFilters()) {
		t.Errorf("%v is not %v", again, one)
	}
	_, err := client.StartInvestigation(ctx, request("convites", id))
	if typed := refused(t, err, "ALREADY_EXISTS"); typed.Reason != "REQUEST_ID_REUSED" {
		t.Errorf("reason %s", typed.Reason)
	}
	other := ok(client.StartInvestigation(ctx, request("dispensas", "")))(t)
	if other.GetInvestigationId() == one.GetInvestigationId() {
		t.Error("another request is the same investigation")
	}
	for _, investigation := range []*pb.Investigation{other, one} {
		ok(client.CancelInvestigation(ctx, investigation.GetInvestigationId()))(t)
	}
	if got := ok(client.GetInvestigation(ctx, one.GetInvestigationId()))(t); got.GetQuery() != "dispensas" {
		t.Errorf("query is %q", got.GetQuery())
	}
	var listed []string
	for _, investigation := range collect(t, client.Investigations(ctx, &pb.ListInvestigationsRequest{PageSize: 1})) {
		listed = append(listed, investigation.GetInvestigationId())
	}
	if !slices.Equal(listed[:2], []string{other.GetInvestigationId(), one.GetInvestigationId()}) {
		t.Errorf("listed %q: not newest first", listed)
	}
}

func TestABatchHasAResultForEachRequest(t *testing.T) {
	ctx, client := t.Context(), connect(t, server.address())
	requests := []*pb.StartInvestigationRequest{{Query: "dispensas"}, {Query: ""}}
	started := ok(client.BatchStartInvestigations(ctx, requests))(t)
	if len(started) != 2 || started[0].Err != nil || started[0].Investigation.GetQuery() != "dispensas" {
		t.Fatalf("got %+v", started)
	}
	if typed := refused(t, started[1].Err, "INVALID_ARGUMENT"); typed.FieldViolations[0].Field != "query" {
		t.Errorf("got %+v", typed)
	}
	seen := false
	for message, err := range client.WatchInvestigations(ctx, &pb.WatchInvestigationsRequest{
		EndedAfter: started[0].Investigation.GetCreateTime(),
	}) {
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || message.GetInvestigation().GetInvestigationId() == started[0].Investigation.GetInvestigationId()
		if message.GetCaughtUp() {
			break
		}
	}
	ok(client.CancelInvestigation(ctx, started[0].Investigation.GetInvestigationId()))(t)
	if !seen {
		t.Error("the investigation is not among those that are followed")
	}
}

func TestAnAnalysis(t *testing.T) {
	ctx, client := t.Context(), connect(t, server.address())
	started := ok(client.StartAnalysis(ctx, &pb.StartAnalysisRequest{
		AnalysisType: pb.AnalysisType_ANALYSIS_TYPE_SPENDING_TRENDS,
		TimeRange:    &pb.TimeRange{StartDate: "2024-01-01", EndDate: "2024-12-31"},
	}))(t)
	id := started.GetAnalysisId()
	events := collect(t, client.WatchAnalysis(ctx, id))
	gapless(t, events)
	equal(t, "after the end", collect(t, client.WatchAnalysis(ctx, id, cidadao.After(int64(len(events))))), nil)
	if analysis := ok(client.GetAnalysis(ctx, id))(t); analysis.GetStatus() != pb.JobState_JOB_STATE_COMPLETED {
		t.Errorf("status is %s", analysis.GetStatus())
	}
	if results := ok(client.GetAnalysisResults(ctx, id))(t); results.GetContracts() == 0 || len(results.GetByMonth()) == 0 {
		t.Errorf("results are %v", results)
	}
}

func TestContracts(t *testing.T) {
	ctx, client := t.Context(), connect(t, server.address())
	request := func(size int32) *pb.SearchContractsRequest {
		return &pb.SearchContractsRequest{PageSize: size, Filters: &pb.ContractFilters{MinValue: proto.Float64(5e5)}}
	}
	page := ok(client.SearchContracts(ctx, request(10)))(t)
	all := collect(t, client.Contracts(ctx, request(1000)))
	if len(page.GetContracts()) != 10 || int(page.GetTotalContracts()) != len(all) || len(all) <= 10 {
		t.Fatalf("%d of %d contracts, then %d", len(page.GetContracts()), page.GetTotalContracts(), len(all))
	}
	equal(t, "the first page", all[:10], page.GetContracts())
	one := ok(client.GetContract(ctx, all[0].GetContractId()))(t)
	if one.GetCurrentValue() != all[0].GetCurrentValue() {
		t.Errorf("%v is not %v", one, all[0])
	}
}

func TestHealth(t *testing.T) {
	ctx, client := t.Context(), connect(t, server.address())
	health := ok(client.GetHealth(ctx))(t)
	if health.GetStatus() != pb.HealthState_HEALTH_STATE_HEALTHY || health.GetVersion() == "" {
		t.Errorf("health is %v", health)
	}
	watched := ok(first(client.WatchHealth(ctx)))(t)
	if len(watched.GetDependencies()) == 0 || len(watched.GetDependencies()) != len(health.GetDependencies()) {
		t.Errorf("health is %v", watched)
	}
}

func TestCredentialsAreSent(t *testing.T) {
	s := &script{answers: []string{"OK", "UNAVAILABLE", "OK"}}
	s.listen(t, nil)
	ctx, request := t.Context(), &pb.StartInvestigationRequest{Query: "contratos"}
	ok(connect(t, s.address, cidadao.WithAPIKey("secret")).StartInvestigation(ctx, request))(t)
	tokens := []string{"first", "second"}
	bearer := cidadao.WithBearerToken(func(context.Context) (string, error) {
		token := tokens[0]
		tokens = tokens[1:]
		return token, nil
	})
	ok(connect(t, s.address, bearer, cidadao.WithRetryPolicy(quick())).StartInvestigation(ctx, request))(t)
	if key := s.metadata[0].Get("x-api-key"); !slices.Equal(key, []string{"secret"}) {
		t.Errorf("x-api-key %q", key)
	}
	for i, token := range []string{"Bearer first", "Bearer second"} {
		if sent := s.metadata[i+1].Get("authorization"); !slices.Equal(sent, []string{token}) {
			t.Errorf("authorization %q: each attempt has the current token", sent)
		}
	}
	unknown := errors.New("no token")
	failing := cidadao.WithBearerToken(func(context.Context) (string, error) { return "", unknown })
	if _, err := connect(t, s.address, failing).GetHealth(ctx); !errors.Is(err, unknown) {
		t.Errorf("got %v", err)
	}
}

func TestTLSWithAnAuthorityOfOnesOwn(t *testing.T) {
	s := &script{answers: []string{"OK"}}
	certificate, authority := selfSigned(t)
	s.listen(t, certificate)
	ctx, request := t.Context(), &pb.StartInvestigationRequest{Query: "contratos"}
	ok(connect(t, s.address, cidadao.WithCA(authority)).StartInvestigation(ctx, request))(t)
	once := quick()
	once.Attempts = 1
	_, err := connect(t, s.address, cidadao.WithRetryPolicy(once)).StartInvestigation(ctx, request)
	refused(t, err, "UNAVAILABLE")
	if len(s.starts) != 1 {
		t.Error("something was sent to a server that is not trusted")
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	nobody, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	client := connect(t, "http://"+nobody)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := first(client.WatchInvestigation(ctx, "1")); err == nil {
		t.Error("nobody answered")
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.GetHealth(cancelled)
	if !errors.Is(err, context.Canceled) || status.Code(err) != status.FromContextError(context.Canceled).Code() {
		t.Errorf("got %v", err)
	}
}

func TestMalformedAddressesAreRefused(t *testing.T) {
	for _, address := range []string{"localhost:50051", "grpc://localhost", "http://", "http://host/path", "http://h?q", "::"} {
		if _, err := cidadao.New(address); err == nil || !strings.Contains(err.Error(), "address must be") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := cidadao.New("http://localhost", cidadao.WithCA(nil), cidadao.WithCA([]byte("x"))); err == nil {
		t.Error("an authority without TLS is taken")
	}
	if _, err := cidadao.New("https://localhost", cidadao.WithCA([]byte("x"))); err == nil {
		t.Error("an authority that is none is taken")
	}
}

func TestTheDescriptorsOfGoogleAreThoseOfEverybody(t *testing.T) {
	service := pb.File_cidadao_v1_investigation_service_proto.Services().ByName("InvestigationService")
	options := service.Methods().ByName("StartInvestigation").Options()
	rule, _ := proto.GetExtension(options, annotations.E_Http).(*annotations.HttpRule)
	if rule.GetPost() != "/api/v1/investigations/start" {
		t.Errorf("got %v", rule)
	}
}

func TestTheExampleOfTheReadmeRuns(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindSubmatch(readme)
	if example == nil || !strings.Contains(string(example[1]), "http://localhost:50051") {
		t.Fatal("there is no example")
	}
	file := filepath.Join(t.TempDir(), "main.go")
	program := strings.ReplaceAll(string(example[1]), "http://localhost:50051", server.address())
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command("go", "run", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	if !strings.Contains(string(output), "100%") || lines[len(lines)-1] != "query" {
		t.Errorf("printed %s", output)
	}
}
