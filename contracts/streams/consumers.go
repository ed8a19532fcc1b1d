package streams

import (
	"time"

	"github.com/sluicehq/sluice/pkg/bus"
)

// DueWebhook is where the timers of webhook's retries fall due: a subject of
// stream TIMERS, with one more token if webhook wants.
const DueWebhook = "due.webhook"

// Consumers gives every durable of the system. They exist before anything is
// published, since EVENTS drops what no durable waits for.
func Consumers() []bus.Consumer {
	return []bus.Consumer{WebhookObjects(), WebhookDue()}
}

// heldFor is how long what a killed copy had in its hands waits for another one;
// living copies say every third of it that they are still at work.
const heldFor = 5 * time.Second

// WebhookObjects is webhook's position in what happens to objects.
func WebhookObjects() bus.Consumer {
	return bus.Consumer{
		Stream: Events, Durable: "webhook-objects", Subjects: []string{"evt.object.v1.object.>"},
		Concurrency: 32, AckWait: heldFor,
	}
}

// WebhookDue is webhook's position in the retries that fell due.
func WebhookDue() bus.Consumer {
	return bus.Consumer{
		Stream: Timers, Durable: "webhook-due", Subjects: []string{DueWebhook, DueWebhook + ".>"},
		Concurrency: 64, AckWait: heldFor,
	}
}
