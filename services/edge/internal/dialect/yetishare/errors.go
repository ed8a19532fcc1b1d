package yetishare

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// ofDocument begins the codes of the document's sentences, which are answered with
// 200 unless yetishare.strict_status is on.
const ofDocument = "yetishare."

// The sentences of the document, word by word, and those of its kind.
var (
	errAuthorize   = fault.New(fault.Unauthenticated, "yetishare.not_authorized", "Could not authenticate user. The username and password may be invalid or your account may be locked from too many failed logins.")
	errReauth      = fault.New(fault.Unauthenticated, "yetishare.reauthenticate", "Could not validate access_token and account_id, please reauthenticate or try again.")
	errParam       = fault.New(fault.Invalid, "yetishare.param_missing", "Please provide the param.")
	errNoFile      = fault.New(fault.NotFound, "yetishare.no_file", "Could not find file based on file_id.")
	errNoFolder    = fault.New(fault.NotFound, "yetishare.no_folder", "Could not find folder based on folder_id.")
	errNoTarget    = fault.New(fault.NotFound, "yetishare.no_destination", "Could not find the destination folder id defined by new_parent_folder_id.")
	errNoURL       = fault.New(fault.Unavailable, "yetishare.no_download_url", "Could not generate download url.")
	errNotReceived = fault.New(fault.Invalid, "yetishare.not_received", "Did not receive uploaded file.")
	errZero        = fault.New(fault.Invalid, "yetishare.zero_size", "Filesize received was zero.")
	errNoResponse  = fault.New(fault.Unavailable, "yetishare.no_response", "Error uploading file. No response received from: ")
	errNoFetch     = fault.New(fault.NotFound, "yetishare.no_url_upload", "Could not find url upload based on url_upload_id.")
)

// The errors of requests that the document sums up as 400.
var (
	errForm  = fault.New(fault.Invalid, "edge.bad_form", "Parameters are sent as application/x-www-form-urlencoded, as multipart/form-data, or in the query string.")
	errOrder = fault.New(fault.Invalid, "edge.file_first", "Send access_token and account_id before upload_file, or in the query string: a file of this size is not kept until they come.")
	errTwo   = fault.New(fault.Invalid, "edge.two_files", "Send one upload_file per request; nothing was stored.")
)

// tooFast is the sentence of 429, from the document's table.
const tooFast = "Maximum API request limit reached. Try to reduce the amount of requests."

// missing is the sentence of a parameter that is not there.
func missing(name string) error { return errParam.Msgf("Please provide the %s param.", name) }

// bad is of a parameter that says nothing usable; why is the rest of a sentence
// that begins with its name.
func bad(name, why string) error { return fault.ErrInvalid.Msgf("The %s param %s.", name, why) }

// wireError is the body of every error. Clients look at either status, and take
// the name "data" for a success, so that it never stands here (field-facts.md, 1).
type wireError struct {
	OldStatus string `json:"status"`
	Response  string `json:"response"`
	Status    string `json:"_status"`
	Datetime  string `json:"_datetime"`
}

// statusClientGone is what the logs say of a request whose client left.
const statusClientGone = 499

// byKind gives the status of a fault.
var byKind = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusBadRequest, fault.Precondition: http.StatusBadRequest,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.QuotaExceeded: http.StatusRequestEntityTooLarge, fault.RateLimited: http.StatusTooManyRequests,
	fault.Unimplemented: http.StatusNotImplemented, fault.Unavailable: http.StatusServiceUnavailable, fault.Timeout: http.StatusServiceUnavailable,
	fault.Canceled: statusClientGone, fault.Internal: http.StatusInternalServerError,
}

// byCode gives the status of faults whose code says more than their kind.
var byCode = map[string]int{
	dialect.ErrMethodNotAllowed.Code: http.StatusMethodNotAllowed,
	dialect.ErrSlowBody.Code:         http.StatusRequestTimeout,
	errAuthorize.Code:                http.StatusUnauthorized,
}

// errorOf gives the status and the sentence of an error.
func (h *Handler) errorOf(err error) (status int, sentence string) {
	f := fault.From(err)
	status, ok := byCode[f.Code]
	if !ok {
		if status, ok = byKind[f.Kind]; !ok {
			status = http.StatusInternalServerError
		}
		if documented(f) && !h.core.Hosting.StrictStatus {
			status = http.StatusOK
		}
	}
	switch status {
	case http.StatusInternalServerError:
		return status, fault.ErrInternal.Message
	case http.StatusTooManyRequests:
		return status, tooFast
	}
	return status, f.Message
}

// documented reports whether an error belongs to those that the document answers
// with 200: its sentences, and an upload's restrictions.
func documented(f *fault.Error) bool {
	return strings.HasPrefix(f.Code, ofDocument) || f.Kind == fault.TooLarge || f.Kind == fault.QuotaExceeded
}

// RenderError implements dialect.Dialect.
func (h *Handler) RenderError(w http.ResponseWriter, r *http.Request, err error) {
	status, sentence := h.errorOf(err)
	head := w.Header()
	for name := range head {
		if name != "X-Request-Id" && name != "Strict-Transport-Security" && name != "Allow" && name != "Connection" {
			delete(head, name)
		}
	}
	switch status {
	case http.StatusMethodNotAllowed:
		if r.URL.Path != keysPath {
			head.Set("Allow", "GET, POST") // HEAD, which GET's rows would take, is refused too
		}
	case http.StatusUnauthorized:
		head.Set("WWW-Authenticate", `Bearer realm="yetishare"`)
	}
	if after := fault.From(err).RetryAfter; after > 0 || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		head.Set("Retry-After", strconv.FormatInt(max(1, int64((after+time.Second-1)/time.Second)), 10))
	}
	head.Set("Cache-Control", "no-store")
	_ = dialect.WriteJSON(w, status, wireError{OldStatus: statusError, Response: sentence, Status: statusError, Datetime: h.now()}) // strings always encode
}

// ofFile words what stopped something with a file.
func ofFile(err error) error {
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		return errNoFile.Because(err)
	}
	return err
}

// ofFolder words what stopped something with a folder.
func ofFolder(err error) error {
	if errors.Is(err, objectv1.ErrNodeNotFound) || errors.Is(err, objectv1.ErrNotAFolder) {
		return errNoFolder.Because(err)
	}
	return err
}

// into words that the folder to come into went away meanwhile.
func into(target *fault.Error, err error) error {
	if errors.Is(err, objectv1.ErrParentNotFound) {
		return target.Because(err)
	}
	return err
}

// ofUpload words what stopped a file on its way in.
func ofUpload(err error) error {
	switch f := fault.From(err); {
	case errors.Is(err, core.ErrEmptyFile):
		return errZero
	case errors.Is(err, objectv1.ErrParentNotFound):
		return errNoFolder.Because(err)
	case f.Code == dialect.ErrSlowBody.Code, f.Code == dialect.ErrAuditUnavailable.Code:
		return err
	case f.Kind == fault.Unavailable, f.Kind == fault.Timeout:
		return errNoResponse.Because(err)
	}
	return err
}

// ofFetch words what stopped something with a fetch.
func ofFetch(err error) error {
	if errors.Is(err, uploadv1.ErrFetchNotFound) {
		return errNoFetch.Because(err)
	}
	return err
}

// ofToken words what auth says of a token.
func ofToken(err error) error {
	if fault.KindOf(err) == fault.Unauthenticated || errors.Is(err, authv1.ErrAccountNotFound) {
		return errReauth.Because(err)
	}
	return err
}
