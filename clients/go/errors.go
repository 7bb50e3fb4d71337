package cidadao

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// kind is a kind of error, for [errors.Is].
type kind codes.Code

func (k kind) Error() string { return codes.Code(k).String() }

// The kinds of [Error], for [errors.Is].
var (
	// ErrInvalidArgument: the request breaks rules; FieldViolations names each field.
	ErrInvalidArgument error = kind(codes.InvalidArgument)
	// ErrNotFound: there is nothing with this id.
	ErrNotFound error = kind(codes.NotFound)
	// ErrAlreadyExists: the request id was used for another request.
	ErrAlreadyExists error = kind(codes.AlreadyExists)
	// ErrFailedPrecondition: the job has not ended yet, or not with what is asked for.
	ErrFailedPrecondition error = kind(codes.FailedPrecondition)
	// ErrOutOfRange: a sequence that the log has not reached, or keeps no longer.
	ErrOutOfRange error = kind(codes.OutOfRange)
	// ErrUnauthenticated: no credentials, or none that are known.
	ErrUnauthenticated error = kind(codes.Unauthenticated)
	// ErrPermissionDenied: the credentials do not allow this call.
	ErrPermissionDenied error = kind(codes.PermissionDenied)
	// ErrResourceExhausted: too many calls, or too large a message.
	ErrResourceExhausted error = kind(codes.ResourceExhausted)
	// ErrAborted: another call was in the way.
	ErrAborted error = kind(codes.Aborted)
	// ErrUnavailable: the server cannot be reached or cannot work now; try again after RetryDelay.
	ErrUnavailable error = kind(codes.Unavailable)
	// ErrDeadlineExceeded: the time of the call ran out; whether it had an effect is not known.
	ErrDeadlineExceeded error = kind(codes.DeadlineExceeded)
	// ErrCanceled: the call was given up, here or on the way.
	ErrCanceled error = kind(codes.Canceled)
	// ErrUnimplemented: the server does not know this call: it is older than this client.
	ErrUnimplemented error = kind(codes.Unimplemented)
	// ErrInternal: a defect (INTERNAL, UNKNOWN or DATA_LOSS); the log of the server has its cause under
	// RequestID.
	ErrInternal error = kind(codes.Internal)
)

// FieldViolation is a field of a request that breaks a rule.
type FieldViolation struct {
	// Field is the path of the field, for example filters.min_value.
	Field string
	// Description is the rule, and the value that broke it.
	Description string
}

// Error is the status that a call ended with. [errors.Is] tells its kind.
type Error struct {
	// Code is the gRPC status code.
	Code codes.Code
	// Message is what happened, in words.
	Message string
	// Reason is stable, in UPPER_SNAKE_CASE, for example INVESTIGATION_NOT_FOUND; empty if none came.
	Reason string
	// Domain says who defines the reason: cidadao.ai.
	Domain string
	// Metadata is everything variable in the message, by name.
	Metadata map[string]string
	// FieldViolations are the fields that break a rule.
	FieldViolations []FieldViolation
	// RetryDelay is how long to wait before trying again; 0 if the server did not say.
	RetryDelay time.Duration
	// RequestID is the id under which the server logged the cause of an internal error.
	RequestID string

	status *status.Status
}

// Error is the code, the message, and each field that broke a rule.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s", e.Code, e.Message)
	for _, violation := range e.FieldViolations {
		fmt.Fprintf(&text, "\n  %s: %s", violation.Field, violation.Description)
	}
	return text.String()
}

// Is tells whether the error is of a kind, such as [ErrNotFound]. A call that ended with its context is
// also what that context ended with.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.Code == codes.Canceled
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case ErrInternal:
		return e.Code == codes.Internal || e.Code == codes.Unknown || e.Code == codes.DataLoss
	default:
		return target == kind(e.Code)
	}
}

// GRPCStatus is the status as it came, for [status.FromError].
func (e *Error) GRPCStatus() *status.Status { return e.status }

// SequenceError says that a stream of events left one out or repeated one: its log is not to be trusted.
// It is never healed by asking again, because what was delivered may be wrong already.
type SequenceError struct {
	// Expected is the sequence that had to come.
	Expected int64
	// Received is the one that came.
	Received int64
}

func (e *SequenceError) Error() string {
	return fmt.Sprintf("event %d came where event %d was due", e.Received, e.Expected)
}

// resumable are the kinds that are worth reopening a stream for: a server that stops, a connection that
// was cut, whatever stands in between. A defect is among them because another replica may not have it.
var resumable = []error{ErrUnavailable, ErrInternal, ErrAborted, ErrCanceled}

func isResumable(err *Error) bool {
	for _, kind := range resumable {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func errorOfMessage(message *spb.Status) *Error { return errorOf(status.FromProto(message)) }

// errorOf is the typed error for a status.
func errorOf(from *status.Status) *Error {
	typed := &Error{Code: from.Code(), Message: from.Message(), status: from}
	for _, detail := range from.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			typed.Reason, typed.Domain, typed.Metadata = detail.GetReason(), detail.GetDomain(), detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				typed.FieldViolations = append(typed.FieldViolations,
					FieldViolation{Field: violation.GetField(), Description: violation.GetDescription()})
			}
		case *errdetails.RetryInfo:
			typed.RetryDelay = detail.GetRetryDelay().AsDuration()
		case *errdetails.RequestInfo:
			typed.RequestID = detail.GetRequestId()
		}
	}
	return typed
}
