package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sluicehq/sluice/test/harness"
)

// cloudEvent is what a receiver gets: S3-style records in a CloudEvents envelope.
type cloudEvent struct {
	SpecVersion, ID, Source, Type, Subject string
	Time                                   time.Time
	Data                                   struct {
		EventName, Key string
		Records        []struct {
			EventName, EventSource string
			S3                     struct {
				ConfigurationID string
				Bucket          struct{ Name string }
				Object          struct {
					Key, ETag, VersionID, Sequencer string
					Size                            int64
				}
			}
		}
	}
}

type notificationConfigs struct {
	Configs []struct {
		ID, URL   string
		HasSecret bool
	} `json:"configs"`
}

func webhook(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "hooked")
	var tries atomic.Int64
	r := harness.NewReceiver(t, func(harness.Hook) int {
		if tries.Add(1) == 1 {
			return http.StatusServiceUnavailable // the first attempt of all fails and is repeated in about 5 s
		}
		return http.StatusOK
	})
	var set notificationConfigs
	path := "/api/v1/buckets/hooked/notifications"
	answer := c.Do(t, http.MethodPut, path, map[string]any{"configs": []map[string]any{{"url": r.URL, "events": []string{"object-created", "object-removed"}, "prefix": "in/"}}}, nil).Want(t, http.StatusOK)
	answer.JSON(t, &set)
	if len(set.Configs) != 1 || set.Configs[0].ID == "" || !set.Configs[0].HasSecret || strings.Contains(string(answer.Body), "whsec_") {
		t.Fatalf("%s", answer.Body)
	}
	id := set.Configs[0].ID
	secret := operatorSecret(t, w, c, id)
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}

	c.Put(t, "hooked", "out/silent", "x", nil)
	etag := c.Put(t, "hooked", "in/a key+1", "hello", nil).Header.Get("Etag")
	first := r.Wait(t, time.Minute, "the repeated delivery", func(h []harness.Hook) bool { return len(h) >= 2 })
	if first[0].ID == "" || first[0].ID != first[1].ID || string(first[0].Body) != string(first[1].Body) {
		t.Errorf("the repeat differs: ids %q and %q", first[0].ID, first[1].ID)
	}
	for _, h := range first {
		if err := wh.Verify(h.Body, h.Header); err != nil {
			t.Errorf("signature: %v", err)
		}
		if ct := h.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/cloudevents+json") {
			t.Errorf("Content-Type %q", ct)
		}
	}
	var ev cloudEvent
	if err := json.Unmarshal(first[1].Body, &ev); err != nil {
		t.Fatal(err)
	}
	if ev.SpecVersion != "1.0" || ev.ID == "" || ev.Type == "" || ev.Source == "" || len(ev.Data.Records) != 1 {
		t.Fatalf("%s", first[1].Body)
	}
	rec := ev.Data.Records[0]
	key, err := url.QueryUnescape(rec.S3.Object.Key)
	if err != nil || key != "in/a key+1" || rec.S3.Bucket.Name != "hooked" || rec.S3.Object.Size != 5 || rec.S3.ConfigurationID != id || !strings.Contains(rec.EventName, "ObjectCreated:Put") || rec.S3.Object.Sequencer == "" {
		t.Errorf("%s", first[1].Body)
	}
	if strings.Trim(rec.S3.Object.ETag, `"`) != strings.Trim(etag, `"`) {
		t.Errorf("eTag %s, want %s", rec.S3.Object.ETag, etag)
	}

	// A delivery that nothing holds up comes within a second of the PUT: of several
	// one does, however busy the machine is.
	quick := false
	for i := 0; i < 10 && !quick; i++ {
		start := time.Now()
		key := fmt.Sprint("in/fast", i)
		c.Put(t, "hooked", key, "x", nil)
		quick = hookOf(t, r, key, "ObjectCreated").At.Sub(start) <= time.Second
	}
	if !quick {
		t.Error("no delivery came within a second")
	}
	c.Do(t, http.MethodDelete, harness.ObjectPath("hooked", "in/fast0"), nil, nil).Want(t, http.StatusNoContent)
	hookOf(t, r, "in/fast0", "ObjectRemoved")

	// Setting the same id again keeps its secret; clearing ends the deliveries.
	c.Do(t, http.MethodPut, path, map[string]any{"configs": []map[string]any{{"id": id, "url": r.URL, "events": []string{"object-created"}}}}, nil).Want(t, http.StatusOK)
	if again := operatorSecret(t, w, c, id); again != secret {
		t.Error("the secret of a config that stayed has changed")
	}
	c.Do(t, http.MethodPut, path, map[string]any{"configs": []any{}}, nil).Want(t, http.StatusOK)
	var none notificationConfigs
	c.Do(t, http.MethodGet, path, nil, nil).Want(t, http.StatusOK).JSON(t, &none)
	if none.Configs == nil || len(none.Configs) != 0 {
		t.Errorf("%+v", none)
	}
}

// hookOf waits for the delivery about that key and event.
func hookOf(t *testing.T, r *harness.Receiver, key, event string) (found harness.Hook) {
	t.Helper()
	r.Wait(t, time.Minute, event+" of "+key, func(all []harness.Hook) bool {
		for _, found = range all {
			var ev cloudEvent
			if json.Unmarshal(found.Body, &ev) != nil || len(ev.Data.Records) != 1 || !strings.Contains(ev.Data.Records[0].EventName, event) {
				continue
			}
			if at, err := url.QueryUnescape(ev.Data.Records[0].S3.Object.Key); err == nil && at == key {
				return true
			}
		}
		return false
	})
	return found
}

func operatorSecret(t *testing.T, w *harness.World, c *harness.Client, config string) string {
	t.Helper()
	out, err := w.CLI(t.Context(), "", "webhook", "secret", "--account", c.Username, "--bucket", "hooked", "--id", config)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(out)
	if !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("sluice webhook secret printed %q", out)
	}
	return secret
}
