package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/sluicehq/sluice/services/sluice"
)

// answersWithin is how long copies of services may take to answer a call to all
// before one is missed; only where one is missed does the doctor wait so long.
const answersWithin = 3 * time.Second

// moreWithin is how long further copies may take after one of each has answered.
const moreWithin = 100 * time.Millisecond

// services calls every copy of every service.
func (d *doctor) services(ctx context.Context, l *list) {
	found, err := d.ping(ctx)
	if err != nil {
		l.warn("", "check the permissions of the operator's credentials (deploy/nats)", "the services could not be called: %v", err)
		return
	}
	versions, copies := []string{}, 0
	for _, name := range sluice.Services() {
		of := found[name]
		if len(of) == 0 {
			l.fail(name, "start it ('sluice up', or 'sluice run "+owner(name)+"') and look at its log", "no copy of it answers")
		}
		copies += len(of)
		for _, p := range of {
			if !slices.Contains(versions, p.Version) {
				versions = append(versions, p.Version)
			}
		}
	}
	if len(versions) > 1 {
		slices.Sort(versions)
		l.warn("versions", "finish the upgrade: deploy/RUNBOOK.md#upgrade", "copies of different versions run: %v", versions)
	}
	l.done("", "%d copies of %d services answer", copies, len(sluice.Services()))
}

// ping gives who answers, by service.
func (d *doctor) ping(ctx context.Context) (map[string][]micro.Ping, error) {
	inbox := d.nc.NewInbox()
	sub, err := d.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it was for
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection is closed right after
	if err := d.nc.PublishRequest(micro.APIPrefix+"."+micro.PingVerb.String(), inbox, nil); err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	out := map[string][]micro.Ping{}
	for until := time.Now().Add(min(answersWithin, d.Within)); ctx.Err() == nil; {
		wait := time.Until(until)
		if !slices.ContainsFunc(sluice.Services(), func(name string) bool { return len(out[name]) == 0 }) {
			wait = min(wait, moreWithin)
		}
		m, err := sub.NextMsg(wait)
		if errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) { // that nobody is there, the server says itself
			break
		}
		if err != nil {
			return out, err //nolint:wrapcheck // as above
		}
		var p micro.Ping
		if len(m.Data) > 0 && json.Unmarshal(m.Data, &p) == nil {
			out[p.Name] = append(out[p.Name], p)
		}
	}
	return out, ctx.Err()
}
