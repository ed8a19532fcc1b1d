// Package catalog lists what the contracts declare, for the documents that are
// made from it (ERRORS.md, EVENTS.md, asyncapi.yaml) and the tests that keep
// them true. Services do not import it.
package catalog

import (
	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
)

//go:generate go run ./gen ..

// Errors gives every error that a contract declares, by service.
func Errors() []*fault.Error {
	return []*fault.Error{
		authv1.ErrBadCredentials, authv1.ErrBadToken, authv1.ErrThrottled, authv1.ErrUsernameTaken, authv1.ErrEmailTaken,
		authv1.ErrAccountNotFound, authv1.ErrTooManyKeys, authv1.ErrKeyNotFound,
		authv1.ErrTokenNotFound, authv1.ErrTooManyTokens, authv1.ErrUnknownPlan, authv1.ErrNotAdmin, authv1.ErrOwnRights, authv1.ErrLastAdmin, authv1.ErrOwnLimits,
		objectv1.ErrBucketNotFound, objectv1.ErrBucketExists, objectv1.ErrBucketNotEmpty, objectv1.ErrInvalidBucketName,
		objectv1.ErrInvalidKey, objectv1.ErrAccessDenied, objectv1.ErrNotFound, objectv1.ErrDeleteMarker, objectv1.ErrPrecondition,
		objectv1.ErrTooLarge, objectv1.ErrQuotaExceeded, objectv1.ErrUploadGone, objectv1.ErrObjectLocked,
		objectv1.ErrLockNotEnabled, objectv1.ErrLockNeedsVersioning, objectv1.ErrNoRetention, objectv1.ErrOtherRegion,
		objectv1.ErrIdempotencyConflict, objectv1.ErrIdempotencyBusy,
		objectv1.ErrConfigNotFound, objectv1.ErrTargetNotImplemented, objectv1.ErrCollectorBusy,
		objectv1.ErrNodeName, objectv1.ErrNodeNotFound, objectv1.ErrNodeExists, objectv1.ErrNodeCycle, objectv1.ErrNotAFolder,
		objectv1.ErrNotInDrive, objectv1.ErrFileTaken, objectv1.ErrUnknownRegion, objectv1.ErrAccountClosed, objectv1.ErrParentNotFound,
		uploadv1.ErrGone, uploadv1.ErrNoSuchUpload, uploadv1.ErrInvalidPartNumber, uploadv1.ErrInvalidPart, uploadv1.ErrInvalidPartOrder,
		uploadv1.ErrPartTooSmall, uploadv1.ErrCompleting,
		uploadv1.ErrSessionGone, uploadv1.ErrSessionBusy, uploadv1.ErrSessionDone, uploadv1.ErrWrongOffset, uploadv1.ErrSizeMismatch,
		uploadv1.ErrPlikNotFound, uploadv1.ErrPlikExpired, uploadv1.ErrPlikCredentials, uploadv1.ErrPlikForbidden, uploadv1.ErrPlikFileNotFound,
		uploadv1.ErrPlikName, uploadv1.ErrPlikStatus, uploadv1.ErrPlikTooMany, uploadv1.ErrPlikUserSize, uploadv1.ErrPlikNotAvailable, uploadv1.ErrPlikLost,
		uploadv1.ErrBadFetchURL, uploadv1.ErrTooManyFetches, uploadv1.ErrFetchNotFound, uploadv1.ErrFetchOver, uploadv1.ErrFetchTaken,
		webhookv1.ErrDeliveryNotFound, webhookv1.ErrSubscriptionNotFound, webhookv1.ErrTooManySubscriptions, webhookv1.ErrBadURL, webhookv1.ErrUnknownEvent,
		linksv1.ErrNotFound, linksv1.ErrBadTitle, linksv1.ErrBadLink, linksv1.ErrTooManyLinks, linksv1.ErrQuota, linksv1.ErrEditGone,
		linksv1.ErrWrongPassword, linksv1.ErrThrottled, linksv1.ErrLocked, linksv1.ErrIDTaken, linksv1.ErrIdempotencyConflict, linksv1.ErrIdempotencyBusy,
	}
}

// Event is a declared event and a zero value of its data.
type Event struct {
	Type, Source, Summary string
	Data                  any
}

// Events gives every event that a contract declares.
func Events() []Event {
	return []Event{
		event(objectv1.ObjectCreated, "an object's new version is visible"),
		event(objectv1.ObjectRemoved, "an object, or one version of it, is gone, or a delete marker hides it"),
		event(webhookv1.EndpointDisabled, "a webhook endpoint was switched off"),
		event(linksv1.ContainerCreated, "a link container was made"),
		event(linksv1.ContainerStatusChanged, "a link container is online, partial, offline or unknown now"),
		event(linksv1.ContainerDeleted, "a link container is gone"),
		event(linksv1.LinkStatusChanged, "a link of a container is online, offline or unknown now"),
		event(statsv1.Clicked, "somebody looked at a container, or unlocked one"),
	}
}

func event[T any](t bus.EventType[T], summary string) Event {
	var zero T
	return Event{Type: t.Type, Source: t.Source, Summary: summary, Data: zero}
}
