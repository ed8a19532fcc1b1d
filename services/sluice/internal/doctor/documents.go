package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/services/sluice"
)

// documents compares every service's collections and indexes with the declared
// ones.
func (d *doctor) documents(ctx context.Context, l *list) {
	declared, err := sluice.Declared(ctx)
	if err != nil {
		l.fail("", "report this", "the declarations cannot be read: %v", err)
		return
	}
	engine := "SQLite"
	look := d.lookAtFile
	if d.Config.Common.MongoDB.URI != "" {
		engine, look = "MongoDB", d.lookAtMongo
		if !d.mongoAnswers(ctx, l) {
			return
		}
	}
	collections, indexes := 0, 0
	for _, s := range declared {
		have, err := look(ctx, s.Service)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			l.warn(s.Service, "start it once; it makes what it needs", "it has no documents in this installation yet")
			continue
		case err != nil:
			l.fail(s.Service, "look at the log of "+s.Service, "its documents cannot be looked at: %v", err)
			continue
		}
		compare(l, s, have)
		collections += len(s.Collections)
		for _, c := range s.Collections {
			indexes += len(c.Indexes)
		}
	}
	l.done("", "%s has all %d indexes of %d collections", engine, indexes, collections)
}

func (d *doctor) mongoAnswers(ctx context.Context, l *list) bool {
	if d.mongoErr != nil {
		l.fail("MongoDB", "correct mongodb.uri", "%v", d.mongoErr)
		return false
	}
	s, err := d.mongo.Server(ctx)
	if err != nil {
		l.fail("MongoDB", "see whether the replica set has a primary: 'mongosh --eval \"rs.status()\"'", "it does not answer: %v", err)
		return false
	}
	switch {
	case s.SetName == "":
		l.warn("MongoDB", "make it a replica set of three", "it stands alone: a lost disk takes all documents along, and reads are not linearizable")
	case s.Members < 3:
		l.warn("MongoDB", "add members until there are three", "replica set %s has %d members: it does not survive the loss of one", s.SetName, s.Members)
	}
	return true
}

func (d *doctor) lookAtFile(ctx context.Context, service string) ([]docstore.Actual, error) {
	return sqlite.Look(ctx, filepath.Join(d.Config.Common.DocsDir(), service+".db")) //nolint:wrapcheck // it says what was being done
}

func (d *doctor) lookAtMongo(ctx context.Context, service string) ([]docstore.Actual, error) {
	have, err := d.mongo.Collections(ctx, d.Config.Common.MongoDB.Database+"_"+service)
	if err == nil && len(have) == 0 {
		return nil, fs.ErrNotExist
	}
	return have, err //nolint:wrapcheck // as above
}

// compare looks for what is declared and not there, or otherwise.
func compare(l *list, want sluice.Documents, have []docstore.Actual) {
	remake := "restart " + want.Service + "; it makes its indexes when it starts"
	for _, c := range want.Collections {
		about := want.Service + "." + c.Name
		i := slices.IndexFunc(have, func(a docstore.Actual) bool { return a.Name == c.Name })
		if i < 0 {
			l.fail(about, remake, "the collection is missing")
			continue
		}
		if !have[i].Outbox {
			l.fail(about, remake, "the index of waiting events is missing: the relay reads the whole collection")
		}
		for _, ix := range c.Indexes {
			j := slices.IndexFunc(have[i].Indexes, func(a docstore.Index) bool { return a.Name == ix.Name })
			switch {
			case slices.Contains(have[i].Filling, ix.Name):
				l.warn(about, "wait; restart "+want.Service+" when nothing runs that fills it", "index %s is being filled", ix.Name)
			case j < 0:
				l.fail(about, remake, "index %s is missing: pages by it fail or read everything", ix.Name)
			case have[i].Indexes[j].Unique != ix.Unique || !slices.Equal(have[i].Indexes[j].Fields, ix.Fields):
				l.fail(about, remake, "index %s is over %v (unique %t), declared is %v (unique %t)", ix.Name,
					have[i].Indexes[j].Fields, have[i].Indexes[j].Unique, ix.Fields, ix.Unique)
			}
		}
	}
	for _, a := range have {
		if !slices.ContainsFunc(want.Collections, func(c docstore.Spec) bool { return c.Name == a.Name }) {
			l.warn(want.Service+"."+a.Name, "move it away when no older or newer version of "+want.Service+" runs", "nobody declares this collection")
		}
	}
}
