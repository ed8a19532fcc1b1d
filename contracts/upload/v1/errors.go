package uploadv1

import "github.com/sluicehq/sluice/pkg/fault"

// The errors of upload.
var (
	ErrGone              = fault.New(fault.NotFound, "upload.gone", "the upload expired or was aborted")
	ErrNoSuchUpload      = fault.New(fault.NotFound, "upload.no_such_upload", "there is no such multipart upload")
	ErrInvalidPartNumber = fault.New(fault.Invalid, "upload.invalid_part_number", "part numbers are 1 to 10000")
	ErrInvalidPart       = fault.New(fault.Invalid, "upload.invalid_part", "a part of the list was not uploaded, or has another entity tag")
	ErrInvalidPartOrder  = fault.New(fault.Invalid, "upload.invalid_part_order", "the parts of the list must ascend")
	ErrPartTooSmall      = fault.New(fault.Invalid, "upload.part_too_small", "every part but the last must have the least size of a part")
	ErrCompleting        = fault.New(fault.Conflict, "upload.complete_in_progress", "the upload is being completed with another list of parts")
	ErrSessionGone       = fault.New(fault.NotFound, "upload.session_gone", "there is no such upload session: it expired, or was cancelled")
	ErrSessionBusy       = fault.New(fault.Conflict, "upload.session_busy", "another client is writing to this upload session")
	ErrSessionDone       = fault.New(fault.Conflict, "upload.session_done", "the upload session is finished")
	ErrWrongOffset       = fault.New(fault.Conflict, "upload.wrong_offset", "the bytes do not follow those that are there")
	ErrSizeMismatch      = fault.New(fault.Invalid, "upload.size_mismatch", "the total size contradicts what was said before")
)
