package streams

import (
	"time"

	"github.com/sluicehq/sluice/pkg/bus"
)

// DueWebhook is where the timers of webhook's retries fall due: a subject of
// stream TIMERS, with one more token if webhook wants.
const DueWebhook = "due.webhook"

// DueLinks is where the timers of linkchecker's checks fall due: a subject of
// stream TIMERS, with the URL's id as one more token.
const DueLinks = "due.links"

// DueFetches is where the timers of upload's fetches fall due: a subject of
// stream TIMERS, with the fetch's id as one more token.
const DueFetches = "due.fetches"

// Consumers gives every durable of the system. They exist before anything is
// published, since EVENTS drops what no durable waits for.
func Consumers() []bus.Consumer {
	return []bus.Consumer{
		WebhookObjects(), WebhookLinks(), WebhookDue(), LinksDue(), LinksChecks(), StatsClicks(), StatsContainers(), FetchesDue(), EdgeFetches(),
	}
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

// WebhookLinks is webhook's position in what happens to containers and links.
func WebhookLinks() bus.Consumer {
	return bus.Consumer{
		Stream: Events, Durable: "webhook-links", Subjects: []string{"evt.links.v1.>"},
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

// StatsClicks is stats' position in the clicks; those of one day of a subject are
// written together, so many are in hand at once.
func StatsClicks() bus.Consumer {
	return bus.Consumer{
		Stream: Clicks, Durable: "stats-clicks", Subjects: []string{"click.>"},
		Concurrency: 4096, AckWait: heldFor,
	}
}

// StatsContainers is stats' position in containers that go.
func StatsContainers() bus.Consumer {
	return bus.Consumer{
		Stream: Events, Durable: "stats-containers", Subjects: []string{"evt.links.v1.container.deleted"},
		Concurrency: 4, AckWait: heldFor,
	}
}

// LinksDue is linkchecker's position in the checks that fell due.
func LinksDue() bus.Consumer {
	return bus.Consumer{
		Stream: Timers, Durable: "links-due", Subjects: []string{DueLinks, DueLinks + ".>"},
		Concurrency: 32, AckWait: heldFor,
	}
}

// LinksChecks is the checkers' position in the links to be checked. A checker
// that has too many of a host in its hands gives them back with a delay, which is
// no failure: hence the many deliveries.
func LinksChecks() bus.Consumer {
	return bus.Consumer{
		Stream: Checks, Durable: "links-checks", Subjects: []string{"check.>"},
		Concurrency: 512, MaxPending: 8192, MaxDeliver: 1 << 30, AckWait: heldFor,
	}
}

// FetchesDue is upload's position in the fetches whose next attempt fell due.
func FetchesDue() bus.Consumer {
	return bus.Consumer{
		Stream: Timers, Durable: "fetches-due", Subjects: []string{DueFetches, DueFetches + ".>"},
		Concurrency: 16, AckWait: heldFor,
	}
}

// FetchTimeout is how long one attempt of a fetch may take in all.
const FetchTimeout = 6 * time.Hour

// EdgeFetches is the edges' position in the URLs to be fetched. How many at once
// is each edge's own setting. Attempts are bounded by upload, deliveries are not: an
// edge that has enough of an account in its hands gives a fetch back with a delay.
func EdgeFetches() bus.Consumer {
	return bus.Consumer{
		Stream: Fetches, Durable: "edge-fetches", Subjects: []string{"fetch.>"},
		Concurrency: 4, MaxPending: 8192, MaxDeliver: 1 << 30, AckWait: heldFor, Timeout: FetchTimeout + time.Minute,
	}
}
