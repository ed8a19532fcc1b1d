package domain_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func (e *env) tag(bucket, key, version string, tags map[string]string) error {
	got, err := e.SetTags(e.t.Context(), objectv1.SetTagsRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: version, Tags: tags})
	if err == nil && (!maps.Equal(got.Tags, tags) || got.VersionID == "") {
		e.t.Errorf("tags %+v", got)
	}
	return err
}

func TestTags_OfVersions(t *testing.T) {
	t.Parallel()
	for _, idle := range []bool{false, true} {
		e := newEnv(t, envOptions{idle: idle})
		e.bucket("files", true)
		first := e.put("files", "k", "1").VersionID
		second := e.put("files", "k", "2").VersionID
		if got, err := e.GetTags(t.Context(), versionOf("files", "k", "")); err != nil || got.Tags == nil || len(got.Tags) != 0 || got.VersionID != second {
			t.Fatalf("%+v, %v", got, err)
		}
		if err := e.tag("files", "k", "", map[string]string{"a": "1", "ü ": ""}); err != nil {
			t.Fatal(err)
		}
		if err := e.tag("files", "k", first, map[string]string{"b": "2"}); err != nil {
			t.Fatal(err)
		}
		if o, err := e.stat("files", "k", ""); err != nil || len(o.Metadata.Tags) != 2 || o.Metadata.ContentType != "text/plain" {
			t.Fatalf("%+v, %v", o, err)
		}
		if err := e.tag("files", "k", second, nil); err != nil {
			t.Fatal(err)
		}
		if o, err := e.stat("files", "k", first); err != nil || o.Metadata.Tags["b"] != "2" {
			t.Fatalf("%+v, %v", o, err)
		}
		if got, err := e.GetTags(t.Context(), versionOf("files", "k", "")); err != nil || len(got.Tags) != 0 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

func TestTags_ChangeUnderRetention(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.lockBucket("files", nil)
	e.put("files", "k", "1")
	if err := e.retain("files", "k", "", objectv1.Compliance, e.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := e.tag("files", "k", "", map[string]string{"a": "1"}); err != nil {
		t.Fatal(err)
	}
}

func TestTags_Limits(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	e.put("files", "k", "1")
	ten := map[string]string{}
	for i := range 10 {
		ten[fmt.Sprint(i)] = ""
	}
	eleven := maps.Clone(ten)
	eleven["x"] = ""
	for name, c := range map[string]struct {
		tags map[string]string
		ok   bool
	}{
		"ten":             {ten, true},
		"eleven":          {eleven, false},
		"long key":        {map[string]string{strings.Repeat("ü", 128): "x"}, true},
		"too long key":    {map[string]string{strings.Repeat("k", 129): "x"}, false},
		"empty key":       {map[string]string{"": "x"}, false},
		"long value":      {map[string]string{"k": strings.Repeat("ü", 256)}, true},
		"too long value":  {map[string]string{"k": strings.Repeat("v", 257)}, false},
		"control":         {map[string]string{"k": "a\nb"}, false},
		"control in key":  {map[string]string{"k\x00": "a"}, false},
		"control, latin1": {map[string]string{"k": "a\u0085"}, false},
		"no UTF-8":        {map[string]string{"k": "\xff"}, false},
		"signs":           {map[string]string{"a.b$c=&+ /": "%20 \"<é"}, true},
	} {
		err := e.tag("files", "k", "", c.tags)
		if c.ok && err != nil || !c.ok && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		ticket, err := e.begin("files", "at-put", 1)
		if err != nil {
			t.Fatal(err)
		}
		r := commitOf(alice, "files", "at-put", "1", ticket)
		r.Metadata.Tags = c.tags
		o, err := e.CommitPut(t.Context(), r)
		if c.ok && (err != nil || !maps.Equal(o.Metadata.Tags, c.tags)) || !c.ok && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s, with the write: %v", name, err)
		}
	}
}
