// Package cidadao is the client of Cidadão.AI: it starts investigations of public contracts, follows
// them and reads what they found.
//
// A [Client] is safe for concurrent use. Messages are in package cidadaov1. The errors of a call are
// [*Error], of which [errors.Is] tells the kind; a stream may also end with a [*SequenceError], and
// either with what the function of [WithBearerToken] returned.
//
// A call that finds the server unavailable is tried again within the deadline of its context, or the
// default of the client where it has none. That is safe for each of them, starts included: they carry a
// request id, under which the server makes one job and no second one.
package cidadao

import (
	"context"
	"iter"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pb "cidadao.ai/clients/go/cidadaov1"
)

// Client is a connection to a server, made when it is first needed and again when it was lost.
type Client struct {
	connection     *grpc.ClientConn
	settings       settings
	investigations pb.InvestigationServiceClient
	analyses       pb.AnalysisServiceClient
	contracts      pb.ContractServiceClient
	detectors      pb.DetectorServiceClient
	health         pb.HealthServiceClient
}

// New prepares a connection to http://host:port, or https://host:port for TLS; nothing is sent yet.
// The error says what is wrong with the address or the options.
func New(address string, options ...Option) (*Client, error) {
	settings := defaults()
	for _, option := range options {
		option(&settings)
	}
	connection, err := settings.connect(address)
	if err != nil {
		return nil, err
	}
	return &Client{
		connection:     connection,
		settings:       settings,
		investigations: pb.NewInvestigationServiceClient(connection),
		analyses:       pb.NewAnalysisServiceClient(connection),
		contracts:      pb.NewContractServiceClient(connection),
		detectors:      pb.NewDetectorServiceClient(connection),
		health:         pb.NewHealthServiceClient(connection),
	}, nil
}

// Close closes the connection; calls under way end with [ErrCanceled].
func (c *Client) Close() error { return c.connection.Close() }

// StartInvestigation stores an investigation and answers at once; the work runs behind it. A request
// without RequestId gets one, in a copy: give one to be able to ask again after this process was lost.
//
// [ErrInvalidArgument] names each field that breaks a rule; [ErrAlreadyExists] says that the id was used
// for another request.
func (c *Client) StartInvestigation(ctx context.Context, request *pb.StartInvestigationRequest) (*pb.Investigation, error) {
	return call(ctx, c, c.settings.timeout, c.investigations.StartInvestigation, identified(request))
}

// Started is what became of one request of a batch: an investigation, or why there is none.
type Started struct {
	Investigation *pb.Investigation
	Err           error
}

// BatchStartInvestigations starts up to 100 investigations and gives the result of each, in order.
// Requests without RequestId get one, in a copy.
func (c *Client) BatchStartInvestigations(ctx context.Context, requests []*pb.StartInvestigationRequest) ([]Started, error) {
	batch := &pb.BatchStartInvestigationsRequest{Requests: make([]*pb.StartInvestigationRequest, len(requests))}
	for i, request := range requests {
		batch.Requests[i] = identified(request)
	}
	answer, err := call(ctx, c, c.settings.longTimeout, c.investigations.BatchStartInvestigations, batch)
	if err != nil {
		return nil, err
	}
	started := make([]Started, len(answer.GetResults()))
	for i, result := range answer.GetResults() {
		started[i].Investigation = result.GetInvestigation()
		if refused := result.GetError(); refused != nil {
			started[i].Err = errorOfMessage(refused)
		}
	}
	return started, nil
}

// GetInvestigation reads the state of an investigation; [ErrNotFound] if there is none with this id.
func (c *Client) GetInvestigation(ctx context.Context, investigationID string) (*pb.Investigation, error) {
	request := &pb.GetInvestigationRequest{InvestigationId: investigationID}
	return call(ctx, c, c.settings.timeout, c.investigations.GetInvestigation, request)
}

// ListInvestigations reads one page of investigations, newest first; [Client.Investigations] reads them all.
func (c *Client) ListInvestigations(ctx context.Context, request *pb.ListInvestigationsRequest) (*pb.ListInvestigationsResponse, error) {
	return call(ctx, c, c.settings.timeout, c.investigations.ListInvestigations, request)
}

// Investigations gives every investigation from the page of the request on, newest first, and reads page
// by page as they are asked for. After an error nothing more comes.
func (c *Client) Investigations(ctx context.Context, request *pb.ListInvestigationsRequest) iter.Seq2[*pb.Investigation, error] {
	return items(ctx, request, c.ListInvestigations,
		func(request *pb.ListInvestigationsRequest, token string) { request.PageToken = token },
		(*pb.ListInvestigationsResponse).GetInvestigations)
}

// CancelInvestigation asks an investigation to stop. Asking again, or for one that has ended, changes
// nothing.
func (c *Client) CancelInvestigation(ctx context.Context, investigationID string) (*pb.Investigation, error) {
	request := &pb.CancelInvestigationRequest{InvestigationId: investigationID}
	return call(ctx, c, c.settings.timeout, c.investigations.CancelInvestigation, request)
}

// WatchInvestigation gives every event of an investigation, each once and in order, to the last one.
//
// A connection that breaks, or a server that stops, is waited for, and the stream goes on where it was.
// After an error nothing more comes: [ErrNotFound] for an unknown id, [ErrOutOfRange] for a sequence that
// the log does not have, [*SequenceError] if an event is missing or comes twice, or what the last of
// [RetryPolicy.Reconnects] tries in a row ended with. The context ends the stream; it needs no deadline.
func (c *Client) WatchInvestigation(ctx context.Context, investigationID string, options ...WatchOption) iter.Seq2[*pb.ProgressEvent, error] {
	return c.events(ctx, options,
		func(ctx context.Context, after int64) (grpc.ServerStreamingClient[pb.ProgressEvent], error) {
			return c.investigations.WatchInvestigation(ctx,
				&pb.WatchInvestigationRequest{InvestigationId: investigationID, AfterSequence: after})
		},
		func(ctx context.Context) (job, error) { return c.GetInvestigation(ctx, investigationID) })
}

// WatchInvestigations gives all investigations of the caller as they are, then each again whenever it
// changes, until the context ends. A stream that breaks is reopened where it was: those that are active
// come again, with their latest state, and so does CaughtUp. Heartbeats come only if [WithHeartbeats] asks
// for them.
func (c *Client) WatchInvestigations(ctx context.Context, request *pb.WatchInvestigationsRequest, options ...WatchOption) iter.Seq2[*pb.WatchInvestigationsResponse, error] {
	watch := watchOf(options)
	request = proto.CloneOf(request)
	return func(yield func(*pb.WatchInvestigationsResponse, error) bool) {
		open := func(ctx context.Context) (grpc.ServerStreamingClient[pb.WatchInvestigationsResponse], error) {
			return c.investigations.WatchInvestigations(ctx, request)
		}
		for message, err := range messages(ctx, c, open, never) {
			if message.GetEventTime() != nil {
				request.EndedAfter = message.GetEventTime()
			}
			if err == nil && message.GetHeartbeat() && !watch.heartbeats {
				continue
			}
			if !yield(message, err) {
				return
			}
		}
	}
}

// GetInvestigationResults reads the summary and one page of findings, most severe first;
// [Client.Findings] reads them all. [ErrFailedPrecondition] until the investigation has ended.
func (c *Client) GetInvestigationResults(ctx context.Context, request *pb.GetInvestigationResultsRequest) (*pb.GetInvestigationResultsResponse, error) {
	return call(ctx, c, c.settings.longTimeout, c.investigations.GetInvestigationResults, request)
}

// Findings gives every finding from the page of the request on, most severe first, and reads page by page
// as they are asked for. After an error nothing more comes.
func (c *Client) Findings(ctx context.Context, request *pb.GetInvestigationResultsRequest) iter.Seq2[*pb.Finding, error] {
	return items(ctx, request, c.GetInvestigationResults,
		func(request *pb.GetInvestigationResultsRequest, token string) { request.PageToken = token },
		(*pb.GetInvestigationResultsResponse).GetFindings)
}

// GetInvestigationReport renders the report. [ErrFailedPrecondition] until the investigation has completed.
func (c *Client) GetInvestigationReport(ctx context.Context, request *pb.GetInvestigationReportRequest) (*pb.InvestigationReport, error) {
	return call(ctx, c, c.settings.longTimeout, c.investigations.GetInvestigationReport, request)
}

// StartAnalysis stores an analysis and answers at once; the work runs behind it. As for
// [Client.StartInvestigation], a request without RequestId gets one.
func (c *Client) StartAnalysis(ctx context.Context, request *pb.StartAnalysisRequest) (*pb.StartAnalysisResponse, error) {
	return call(ctx, c, c.settings.timeout, c.analyses.StartAnalysis, identified(request))
}

// GetAnalysis reads the state of an analysis; [ErrNotFound] if there is none with this id.
func (c *Client) GetAnalysis(ctx context.Context, analysisID string) (*pb.Analysis, error) {
	return call(ctx, c, c.settings.timeout, c.analyses.GetAnalysis, &pb.GetAnalysisRequest{AnalysisId: analysisID})
}

// WatchAnalysis gives every event of an analysis, as [Client.WatchInvestigation] gives those of an
// investigation.
func (c *Client) WatchAnalysis(ctx context.Context, analysisID string, options ...WatchOption) iter.Seq2[*pb.ProgressEvent, error] {
	return c.events(ctx, options,
		func(ctx context.Context, after int64) (grpc.ServerStreamingClient[pb.ProgressEvent], error) {
			return c.analyses.WatchAnalysis(ctx, &pb.WatchAnalysisRequest{AnalysisId: analysisID, AfterSequence: after})
		},
		func(ctx context.Context) (job, error) { return c.GetAnalysis(ctx, analysisID) })
}

// GetAnalysisResults reads the figures. [ErrFailedPrecondition] until the analysis has completed.
func (c *Client) GetAnalysisResults(ctx context.Context, analysisID string) (*pb.AnalysisResults, error) {
	request := &pb.GetAnalysisResultsRequest{AnalysisId: analysisID}
	return call(ctx, c, c.settings.longTimeout, c.analyses.GetAnalysisResults, request)
}

// ReviewFinding says what became of a finding that was checked; it is kept by the id of the finding, whatever
// the run. [ErrNotFound] if no completed investigation of the caller has made it.
func (c *Client) ReviewFinding(ctx context.Context, request *pb.ReviewFindingRequest) (*pb.FindingReview, error) {
	return call(ctx, c, c.settings.timeout, c.investigations.ReviewFinding, request)
}

// ExplainFinding computes a finding once more, from the version of the lake that it was made on.
func (c *Client) ExplainFinding(ctx context.Context, findingID string) (*pb.FindingExplanation, error) {
	request := &pb.ExplainFindingRequest{FindingId: findingID}
	return call(ctx, c, c.settings.longTimeout, c.investigations.ExplainFinding, request)
}

// SearchContracts reads one page of contracts, by value from the largest; [Client.Contracts] reads them
// all.
func (c *Client) SearchContracts(ctx context.Context, request *pb.SearchContractsRequest) (*pb.SearchContractsResponse, error) {
	return call(ctx, c, c.settings.longTimeout, c.contracts.SearchContracts, request)
}

// Contracts gives every contract that matches from the page of the request on, by value from the largest,
// and reads page by page as they are asked for. After an error nothing more comes.
func (c *Client) Contracts(ctx context.Context, request *pb.SearchContractsRequest) iter.Seq2[*pb.Contract, error] {
	return items(ctx, request, c.SearchContracts,
		func(request *pb.SearchContractsRequest, token string) { request.PageToken = token },
		(*pb.SearchContractsResponse).GetContracts)
}

// GetContract reads a contract with its items and amendments; [ErrNotFound] if there is none with this id.
func (c *Client) GetContract(ctx context.Context, contractID string) (*pb.Contract, error) {
	return call(ctx, c, c.settings.timeout, c.contracts.GetContract, &pb.GetContractRequest{ContractId: contractID})
}

// ListDetectors reads one page of the catalogue of detectors, in the order in which they run;
// [Client.Detectors] reads it all.
func (c *Client) ListDetectors(ctx context.Context, request *pb.ListDetectorsRequest) (*pb.ListDetectorsResponse, error) {
	return call(ctx, c, c.settings.timeout, c.detectors.ListDetectors, request)
}

// Detectors gives every detector from the page of the request on and reads page by page as they are asked
// for. After an error nothing more comes.
func (c *Client) Detectors(ctx context.Context, request *pb.ListDetectorsRequest) iter.Seq2[*pb.Detector, error] {
	return items(ctx, request, c.ListDetectors,
		func(request *pb.ListDetectorsRequest, token string) { request.PageToken = token },
		(*pb.ListDetectorsResponse).GetDetectors)
}

// GetDetector reads what a detector means, rests on and counts; [ErrNotFound] if there is none with this id.
func (c *Client) GetDetector(ctx context.Context, detectorID string) (*pb.Detector, error) {
	return call(ctx, c, c.settings.timeout, c.detectors.GetDetector, &pb.GetDetectorRequest{DetectorId: detectorID})
}

// GetHealth probes every dependency of the server and reports each.
func (c *Client) GetHealth(ctx context.Context) (*pb.Health, error) {
	return call(ctx, c, c.settings.timeout, c.health.GetHealth, &pb.GetHealthRequest{})
}

// WatchHealth gives the health of the server now, and again whenever it changes, until the context ends;
// a stream that breaks is reopened.
func (c *Client) WatchHealth(ctx context.Context) iter.Seq2[*pb.Health, error] {
	open := func(ctx context.Context) (grpc.ServerStreamingClient[pb.Health], error) {
		return c.health.WatchHealth(ctx, &pb.WatchHealthRequest{})
	}
	return messages(ctx, c, open, never)
}

// starting is a request that makes a job.
type starting interface {
	*pb.StartInvestigationRequest | *pb.StartAnalysisRequest
	proto.Message
	GetRequestId() string
}

// identified is the request with a request id: itself, or a copy that has one.
func identified[R starting](request R) R {
	if request.GetRequestId() != "" {
		return request
	}
	request = proto.CloneOf(request)
	id := uuid.NewString()
	switch request := any(request).(type) {
	case *pb.StartInvestigationRequest:
		request.RequestId = id
	case *pb.StartAnalysisRequest:
		request.RequestId = id
	}
	return request
}
