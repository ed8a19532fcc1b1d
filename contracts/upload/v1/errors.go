package uploadv1

import "github.com/sluicehq/sluice/pkg/fault"

// The errors of upload.
var (
	ErrGone = fault.New(fault.NotFound, "upload.gone", "the upload expired or was aborted")
)
