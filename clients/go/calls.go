package cidadao

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "cidadao.ai/clients/go/cidadaov1"
)

// call makes a call, and again while the server is unavailable and there is time.
func call[Request, Answer any](
	ctx context.Context, c *Client, timeout time.Duration,
	method func(context.Context, Request, ...grpc.CallOption) (Answer, error), request Request,
) (Answer, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	policy := c.settings.retry
	var none Answer
	for failures := 1; ; failures++ {
		authorized, err := c.settings.authorized(ctx)
		if err != nil {
			return none, err
		}
		answer, err := method(authorized, request)
		if err == nil {
			return answer, nil
		}
		typed := errorOf(status.Convert(err))
		if typed.Code != codes.Unavailable || failures >= policy.Attempts ||
			!wait(ctx, policy.delay(failures, typed.RetryDelay)) {
			return none, typed
		}
	}
}

// page is an answer that is one page of many.
type page interface{ GetNextPageToken() string }

// items gives the items of every page.
func items[Request proto.Message, Page page, Item any](
	ctx context.Context, request Request,
	read func(context.Context, Request) (Page, error), turn func(Request, string), of func(Page) []Item,
) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		request := proto.CloneOf(request)
		for {
			page, err := read(ctx, request)
			if err != nil {
				var none Item
				yield(none, err)
				return
			}
			for _, item := range of(page) {
				if !yield(item, nil) {
					return
				}
			}
			token := page.GetNextPageToken()
			if token == "" {
				return
			}
			turn(request, token)
		}
	}
}

// job is an investigation or an analysis.
type job interface {
	GetStatus() pb.JobState
	GetLastSequence() int64
}

// events gives the events of a job, over as many streams as it takes.
func (c *Client) events(
	ctx context.Context, options []WatchOption,
	open func(ctx context.Context, after int64) (grpc.ServerStreamingClient[pb.ProgressEvent], error),
	read func(context.Context) (job, error),
) iter.Seq2[*pb.ProgressEvent, error] {
	watch := watchOf(options)
	return func(yield func(*pb.ProgressEvent, error) bool) {
		// Last sequence that was handed over.
		last := watch.after
		reopen := func(ctx context.Context) (grpc.ServerStreamingClient[pb.ProgressEvent], error) {
			return open(ctx, last)
		}
		isEnd := func(ctx context.Context) (bool, error) {
			job, err := read(ctx)
			if err != nil {
				return false, err
			}
			switch job.GetStatus() {
			case pb.JobState_JOB_STATE_UNSPECIFIED, pb.JobState_JOB_STATE_PENDING, pb.JobState_JOB_STATE_RUNNING:
				return false, nil
			default:
				return job.GetLastSequence() == last, nil
			}
		}
		for event, err := range messages(ctx, c, reopen, isEnd) {
			if err != nil {
				yield(nil, err)
				return
			}
			heartbeat := event.GetKind() == pb.EventKind_EVENT_KIND_HEARTBEAT
			expected := last + 1
			if heartbeat {
				// It repeats the sequence of the event before it and moves nothing.
				expected = last
			}
			if event.GetSequence() != expected {
				yield(nil, &SequenceError{Expected: expected, Received: event.GetSequence()})
				return
			}
			last = expected
			if heartbeat && !watch.heartbeats {
				continue
			}
			if !yield(event, nil) || event.GetKind() == pb.EventKind_EVENT_KIND_FINISHED {
				return
			}
		}
	}
}

// never says that a stream has no end of its own.
func never(context.Context) (bool, error) { return false, nil }

// messages gives the messages of a stream that is opened again whenever it breaks.
//
// isEnd is asked when the server closes the stream without an error: it does so at the end of a log, but
// something on the way may do so at any time.
func messages[Message any](
	ctx context.Context, c *Client,
	open func(context.Context) (grpc.ServerStreamingClient[Message], error),
	isEnd func(context.Context) (bool, error),
) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		policy := c.settings.retry
		failures := 0
		for {
			leave, err := once(ctx, c, open, func(message *Message) bool {
				failures = 0
				return yield(message, nil)
			})
			if leave {
				return
			}
			if err == nil {
				var end bool
				if end, err = isEnd(ctx); end {
					return
				}
				if err == nil {
					err = errorOf(status.New(codes.Unavailable, "the stream ended before its last message"))
				}
			}
			failures++
			var typed *Error
			if !errors.As(err, &typed) || !isResumable(typed) || failures > policy.Reconnects || ctx.Err() != nil ||
				!wait(ctx, policy.delay(failures, typed.RetryDelay)) {
				yield(nil, err)
				return
			}
		}
	}
}

// once opens a stream and hands over what comes, until the receiver leaves or the stream ends; the error
// is nil if it ended without one.
func once[Message any](
	ctx context.Context, c *Client,
	open func(context.Context) (grpc.ServerStreamingClient[Message], error), receive func(*Message) bool,
) (left bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	// Ends the stream on the server too.
	defer cancel()
	authorized, err := c.settings.authorized(ctx)
	if err != nil {
		return false, err
	}
	stream, err := open(authorized)
	for err == nil {
		var message *Message
		if message, err = stream.Recv(); err == nil && !receive(message) {
			return true, nil
		}
	}
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return false, errorOf(status.Convert(err))
}
