package objectv1

import "github.com/sluicehq/sluice/pkg/fault"

// The errors of object.
var (
	ErrBucketNotFound       = fault.New(fault.NotFound, "object.bucket_not_found", "there is no such bucket")
	ErrBucketExists         = fault.New(fault.Conflict, "object.bucket_exists", "the account already has a bucket of this name")
	ErrBucketNotEmpty       = fault.New(fault.Conflict, "object.bucket_not_empty", "the bucket still holds objects, versions or uploads")
	ErrInvalidBucketName    = fault.New(fault.Invalid, "object.invalid_bucket_name", "bucket names are 3-63 of lower-case letters, digits, '-' and '.', and start and end with a letter or digit")
	ErrInvalidKey           = fault.New(fault.Invalid, "object.invalid_key", "keys are 1-1024 bytes of UTF-8 without NUL")
	ErrAccessDenied         = fault.New(fault.Forbidden, "object.access_denied", "the access key's scopes do not allow this")
	ErrNotFound             = fault.New(fault.NotFound, "object.not_found", "there is no such object")
	ErrDeleteMarker         = fault.New(fault.NotFound, "object.delete_marker", "the current version of the object is a delete marker")
	ErrPrecondition         = fault.New(fault.Precondition, "object.precondition_failed", "a precondition of the request does not hold")
	ErrTooLarge             = fault.New(fault.TooLarge, "object.too_large", "the object is larger than the account's limit")
	ErrQuotaExceeded        = fault.New(fault.QuotaExceeded, "object.quota_exceeded", "the account's storage quota does not allow this")
	ErrUploadGone           = fault.New(fault.NotFound, "object.upload_gone", "the upload expired or was aborted")
	ErrObjectLocked         = fault.New(fault.Forbidden, "object.object_locked", "retention or a legal hold protects this version")
	ErrLockNotEnabled       = fault.New(fault.Invalid, "object.object_lock_not_enabled", "the bucket has no object lock")
	ErrLockNeedsVersioning  = fault.New(fault.Conflict, "object.object_lock_requires_versioning", "a bucket with object lock keeps its versions")
	ErrNoRetention          = fault.New(fault.NotFound, "object.no_retention", "the version has no retention")
	ErrOtherRegion          = fault.New(fault.Conflict, "object.other_region", "the source is stored in another region")
	ErrIdempotencyConflict  = fault.New(fault.Conflict, "object.idempotency_conflict", "the idempotency key was used for another content")
	ErrIdempotencyBusy      = fault.New(fault.Conflict, "object.idempotency_in_progress", "the first request with this idempotency key is still running")
	ErrConfigNotFound       = fault.New(fault.NotFound, "object.config_not_found", "there is no such notification config")
	ErrTargetNotImplemented = fault.New(fault.Unimplemented, "object.target_not_implemented", "only webhook targets are supported")
	ErrCollectorBusy        = fault.New(fault.Conflict, "object.collector_busy", "another run of the collector is going on")
)
