package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/mongo"
	"github.com/sluicehq/sluice/services/sluice"
)

// indexesCommand writes deploy/mongo/indexes.js and shards.js: what services make
// by themselves at their start, for operators whose users may not, and who want
// indexes filled before an upgrade.
func indexesCommand() *cobra.Command {
	var database string
	var shards bool
	c := &cobra.Command{
		Use: "indexes", Short: "print the indexes of MongoDB as commands for mongosh", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if shards {
				return writeShards(c.Context(), c.OutOrStdout(), database)
			}
			return writeIndexes(c.Context(), c.OutOrStdout(), database)
		},
	}
	c.Flags().StringVar(&database, "mongodb-database", sluice.Default().Common.MongoDB.Database, "prefix of the services' databases")
	c.Flags().BoolVar(&shards, "shards", false, "print shard keys instead")
	return c
}

const indexesHead = `// Every index of every collection, as the services declare it: made by 'make gen', not by hand.
// The services make them at their start; mongosh runs this where their user may not, or before an upgrade.
`

func writeIndexes(ctx context.Context, w io.Writer, database string) error {
	all, err := sluice.Declared(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(indexesHead)
	for _, s := range all {
		for _, c := range s.Collections {
			b.WriteString("\n")
			for _, ix := range mongo.Wires(c) {
				_, _ = fmt.Fprintf(&b, "db.getSiblingDB(%q).getCollection(%q).createIndex(%s);\n", database+"_"+s.Service, c.Name, indexModel(ix))
			}
		}
	}
	_, err = w.Write(b.Bytes())
	return err
}

// indexModel writes the arguments of createIndex; keys keep their order.
func indexModel(ix mongo.Wire) string {
	var keys []string
	for _, k := range ix.Keys {
		keys = append(keys, fmt.Sprintf("%q: 1", k))
	}
	options, err := json.Marshal(struct {
		Name    string                     `json:"name"`
		Unique  bool                       `json:"unique,omitempty"`
		Partial map[string]map[string]bool `json:"partialFilterExpression"`
	}{ix.Name, ix.Unique, map[string]map[string]bool{ix.Filter: {"$exists": true}}})
	if err != nil {
		panic(err) // strings and booleans always encode
	}
	return "{" + strings.Join(keys, ", ") + "}, " + string(options)
}

const shardsHead = `// Shard keys, for installations whose documents outgrow one replica set: made by 'make gen'. README.md has the reasons.
// Run it by mongosh on a mongos before the services start, or on what is there, which MongoDB then spreads.
`

// writeShards shards by the hashed id what may be: a unique index has to begin
// with the shard key, so collections with one live on one shard each.
func writeShards(ctx context.Context, w io.Writer, database string) error {
	all, err := sluice.Declared(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(shardsHead)
	for _, s := range all {
		b.WriteString("\n")
		for _, c := range s.Collections {
			name := database + "_" + s.Service + "." + c.Name
			if i := slices.IndexFunc(c.Indexes, func(ix docstore.Index) bool { return ix.Unique }); i >= 0 {
				_, _ = fmt.Fprintf(&b, "// %s stays on one shard: its unique index %s does not begin with the id\n", name, c.Indexes[i].Name)
				continue
			}
			_, _ = fmt.Fprintf(&b, "sh.shardCollection(%q, {_id: \"hashed\"});\n", name)
		}
	}
	_, err = w.Write(b.Bytes())
	return err
}
