package bus

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamDrift says in which settings a stream that exists is not what is
// declared, one sentence's part each ("max_bytes is 1024, declared is 4096");
// nothing when Reconcile would leave it alone.
func StreamDrift(want, have jetstream.StreamConfig) []string {
	return drift(normalStream(want, have), have)
}

// ConsumerDrift says in which settings a durable is not what is declared; stream
// is its stream's configuration.
func ConsumerDrift(c Consumer, stream jetstream.StreamConfig, have jetstream.ConsumerConfig) []string {
	want := c.withDefaults().config(stream)
	if sameConsumer(want, have) {
		return nil
	}
	// Only what config sets is compared; the rest is the server's business.
	return drift(jetstream.ConsumerConfig{
		AckPolicy: want.AckPolicy, DeliverPolicy: want.DeliverPolicy, AckWait: want.AckWait, MaxDeliver: want.MaxDeliver,
		MaxAckPending: want.MaxAckPending, FilterSubject: want.FilterSubject, FilterSubjects: want.FilterSubjects,
	}, jetstream.ConsumerConfig{
		AckPolicy: have.AckPolicy, DeliverPolicy: have.DeliverPolicy, AckWait: have.AckWait, MaxDeliver: have.MaxDeliver,
		MaxAckPending: have.MaxAckPending, FilterSubject: have.FilterSubject, FilterSubjects: have.FilterSubjects,
	})
}

// drift compares two structs field by field, by their JSON names.
func drift[T any](want, have T) []string {
	var out []string
	w, h := reflect.ValueOf(want), reflect.ValueOf(have)
	for i := range w.NumField() {
		f := w.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || reflect.DeepEqual(w.Field(i).Interface(), h.Field(i).Interface()) {
			continue
		}
		out = append(out, fmt.Sprintf("%s is %s, declared is %s", name, setting(h.Field(i)), setting(w.Field(i))))
	}
	slices.Sort(out)
	return out
}

// setting writes the value of a field.
func setting(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "none"
		}
		v = v.Elem()
	}
	return strings.TrimSpace(fmt.Sprintf("%v", v.Interface()))
}
