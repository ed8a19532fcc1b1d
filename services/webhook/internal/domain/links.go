package domain

import (
	"encoding/json"
	"fmt"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// ContentTypeJSON is that of what subscriptions are sent.
const ContentTypeJSON = "application/json; charset=utf-8"

// The body of a subscription's deliveries: the form that Standard Webhooks
// suggests, around the names of locknex.md.
type (
	notice struct {
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"` // RFC 3339
		Data      any    `json:"data"`
	}
	containerData struct {
		ContainerID string         `json:"container_id"`
		Title       string         `json:"title"`
		Status      linksv1.Status `json:"status"`
		Was         linksv1.Status `json:"was,omitempty"`
		Stats       linksv1.Counts `json:"stats"`
		Hosts       []string       `json:"hosts"`
		CheckedAt   *string        `json:"checked_at"`
	}
	linkData struct {
		ContainerID string         `json:"container_id"`
		Title       string         `json:"title"`
		URL         string         `json:"url"`
		Host        string         `json:"host"`
		Status      linksv1.Status `json:"status"`
		Was         linksv1.Status `json:"was,omitempty"`
		CheckedAt   *string        `json:"checked_at"`
	}
)

// Notice is an event of an account as its subscriptions hear of it.
type Notice struct {
	EventID   string
	AccountID string
	Event     string // one of webhookv1.SubscriptionEvents
	Body      []byte // the same for all subscriptions, and each time
}

// ContainerNotice makes the notice of a container's event; ok is false for one that
// nobody can subscribe to.
func ContainerNotice(eventID, eventType string, e linksv1.ContainerEvent) (n Notice, ok bool, err error) {
	switch eventType {
	case linksv1.ContainerCreated.Type:
		n.Event = webhookv1.EventContainerCreated
	case linksv1.ContainerStatusChanged.Type:
		n.Event = webhookv1.EventContainerStatusChanged
	case linksv1.ContainerDeleted.Type:
		n.Event = webhookv1.EventContainerDeleted
	default:
		return n, false, nil
	}
	c := e.Container
	n.EventID, n.AccountID = eventID, c.AccountID
	n.Body, err = noticeBody(n.Event, e.Time, containerData{
		ContainerID: c.ID, Title: c.Title, Status: c.Status, Was: e.Was, Stats: c.Counts,
		Hosts: append([]string{}, c.Hosts...), CheckedAt: moment(c.CheckedAt),
	})
	return n, c.AccountID != "", err
}

// LinkNotice makes the notice of a link's event.
func LinkNotice(eventID string, e linksv1.LinkEvent) (Notice, error) {
	n := Notice{EventID: eventID, AccountID: e.AccountID, Event: webhookv1.EventLinkStatusChanged}
	var err error
	n.Body, err = noticeBody(n.Event, e.Time, linkData{
		ContainerID: e.ContainerID, Title: e.Title, URL: e.Link.URL, Host: e.Link.Host,
		Status: e.Link.Status, Was: e.Was, CheckedAt: moment(e.Link.CheckedAt),
	})
	return n, err
}

func noticeBody(event string, at time.Time, data any) ([]byte, error) {
	b, err := json.Marshal(notice{Type: event, Timestamp: at.UTC().Format(time.RFC3339Nano), Data: data})
	if err != nil {
		return nil, fmt.Errorf("encoding a notice of %s: %w", event, err)
	}
	return b, nil
}

// moment is a time as locknex.md writes it.
func moment(t *time.Time) *string {
	if t == nil || t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.DateTime)
	return &s
}
