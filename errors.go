package promptmetrics

import "github.com/promptmetrics-go/promptmetrics/pmerr"

// Error is what every method returns when something is wrong with a request,
// or with the world. Its message, fields and details are safe to show.
type Error = pmerr.Error

// The kinds of errors, for errors.Is.
var (
	ErrBadRequest   = pmerr.ErrBadRequest
	ErrUnauthorized = pmerr.ErrUnauthorized
	ErrForbidden    = pmerr.ErrForbidden
	ErrNotFound     = pmerr.ErrNotFound
	ErrConflict     = pmerr.ErrConflict
	ErrTooLarge     = pmerr.ErrTooLarge
	ErrValidation   = pmerr.ErrValidation
	ErrRateLimited  = pmerr.ErrRateLimited
	ErrInternal     = pmerr.ErrInternal
	ErrUnavailable  = pmerr.ErrUnavailable

	ErrProviderRateLimited = pmerr.ErrProviderRateLimited
	ErrContentPolicy       = pmerr.ErrContentPolicy
	ErrInvalidRequest      = pmerr.ErrInvalidRequest
	ErrTimeout             = pmerr.ErrTimeout
	ErrProvider            = pmerr.ErrProvider
)
