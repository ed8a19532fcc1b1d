// Package goldentest holds the messages of a contract to their JSON on disk: a
// released message may only gain optional fields.
package goldentest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// Messages compares each message, by the name of its file in testdata, with its
// JSON in both directions, and wants no file without a message.
func Messages(t *testing.T, messages map[string]any) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(messages) {
		t.Errorf("%d golden files for %d messages, %v", len(files), len(messages), err)
	}
	for name, m := range messages {
		got, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Errorf("%v; it would be\n%s", err, got)
			continue
		}
		if !bytes.Equal(got, bytes.TrimSpace(want)) {
			t.Errorf("%s has changed to\n%s", name, got)
		}
		back := reflect.New(reflect.TypeOf(m))
		if err := json.Unmarshal(want, back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), m) {
			t.Errorf("%s reads as %+v, %v", name, back.Elem(), err)
		}
	}
}
