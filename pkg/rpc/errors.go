package rpc

import "github.com/sluicehq/sluice/pkg/fault"

// The faults of the transport itself. Whatever else a call returns is what its
// handler answered.
var (
	// ErrNoResponders says that no copy of the service is there; nothing was done.
	ErrNoResponders = fault.New(fault.Unavailable, "rpc.no_responders", "a service that this request needs is away; repeat it shortly")
	// ErrOverloaded says that the endpoint had no room; nothing was done.
	ErrOverloaded = fault.New(fault.Unavailable, "rpc.overloaded", "a service that this request needs is busy; repeat it shortly")
	// ErrBreakerOpen says that the service has left calls unanswered and is
	// given a pause; nothing was sent.
	ErrBreakerOpen = fault.New(fault.Unavailable, "rpc.breaker_open", "a service that this request needs does not answer; repeat it shortly")
	// ErrRateLimited says that this client's own limit for the service is used up; nothing was sent.
	ErrRateLimited = fault.New(fault.RateLimited, "rpc.rate_limited", "too many requests; repeat it shortly")
	// ErrDisconnected says that the connection to NATS is gone; whether the
	// call was carried out is unknown.
	ErrDisconnected = fault.New(fault.Unavailable, "rpc.disconnected", "the message bus is away; repeat the request shortly")
	// ErrRequestTooLarge says that a request is over the bus's message limit.
	ErrRequestTooLarge = fault.New(fault.TooLarge, "rpc.request_too_large", "the request is too large")
	// ErrResponseTooLarge says that an answer is over the bus's message limit:
	// the call was carried out, its answer cannot be told.
	ErrResponseTooLarge = fault.New(fault.Internal, "rpc.response_too_large", "the answer is too large to be sent")
	// ErrBadRequest says that a request's body is not what its method declares.
	ErrBadRequest = fault.New(fault.Invalid, "rpc.bad_request", "the request cannot be decoded")
	// ErrBadResponse says that an answer's body is not what its method declares.
	ErrBadResponse = fault.New(fault.Internal, "rpc.bad_response", "the answer of a service cannot be decoded")
)
