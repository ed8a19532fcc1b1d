package rawdoc_test

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// scalar makes a value of one of the indexed types from fuzzed parts, and what
// it is compared by: its type's rank and itself.
func scalar(kind uint8, n int64, s string) any {
	switch kind % 6 {
	case 0:
		return nil
	case 1:
		return n
	case 2:
		return s
	case 3:
		return []byte(s)
	case 4:
		return n%2 == 0
	}
	return bson.DateTime(n)
}

func rawValue(t testing.TB, v any) bson.RawValue {
	t.Helper()
	b, err := bson.Marshal(bson.D{{Key: "x", Value: v}})
	if err != nil {
		t.Fatal(err)
	}
	return bson.Raw(b).Lookup("x")
}

// compareScalars is the order that keys must have, written without them.
func compareScalars(kindA, kindB uint8, a, b any) int {
	if c := cmp.Compare(kindA%6, kindB%6); c != 0 {
		return c
	}
	switch x := a.(type) {
	case int64:
		return cmp.Compare(x, b.(int64))
	case string:
		return strings.Compare(x, b.(string))
	case []byte:
		y := b.([]byte)
		return cmp.Or(cmp.Compare(len(x), len(y)), bytes.Compare(x, y))
	case bool:
		y := b.(bool)
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	case bson.DateTime:
		return cmp.Compare(x, b.(bson.DateTime))
	}
	return 0
}

// FuzzKey_Order checks that encoded tuples compare as the tuples do, that a
// prefix of a tuple bounds it, and that they decode to what they were.
func FuzzKey_Order(f *testing.F) {
	f.Add(uint8(2), int64(0), "a", uint8(2), int64(0), "a\x00", uint8(1), int64(-1), "")
	f.Add(uint8(1), int64(-1<<63), "", uint8(1), int64(1<<62), "", uint8(3), int64(0), "\x00\xff")
	f.Add(uint8(3), int64(0), "\xff", uint8(3), int64(0), "\x00\x00", uint8(4), int64(1), "x")
	f.Add(uint8(0), int64(0), "", uint8(5), int64(7), "", uint8(2), int64(0), "\x00\x01")
	f.Fuzz(func(t *testing.T, ka uint8, na int64, sa string, kb uint8, nb int64, sb string, kc uint8, nc int64, sc string) {
		a, b, c := scalar(ka, na, sa), scalar(kb, nb, sb), scalar(kc, nc, sc)
		// Compare (a, c) with (b, c), and (c, a) with (c, b).
		want := compareScalars(ka, kb, a, b)
		for _, pair := range [][2][]any{{{a, c}, {b, c}}, {{c, a}, {c, b}}, {{a}, {b}}} {
			x, y := encode(t, pair[0]), encode(t, pair[1])
			if got := bytes.Compare(x, y); got != want {
				t.Fatalf("%v and %v compare as %d, want %d", pair[0], pair[1], got, want)
			}
		}
		whole, prefix := encode(t, []any{a, b, c}), encode(t, []any{a, b})
		if !bytes.HasPrefix(whole, prefix) || bytes.Compare(whole, append(slices.Clone(prefix), 0xff)) >= 0 {
			t.Fatal("a prefix does not bound its tuple")
		}
		vals, err := rawdoc.DecodeKey(whole)
		if err != nil || len(vals) != 3 {
			t.Fatalf("decoding: %v", err)
		}
		var again []byte
		for i, v := range vals {
			if again, err = rawdoc.AppendKey(again, v); err != nil {
				t.Fatal(err)
			}
			if in := rawValue(t, []any{a, b, c}[i]); !rawdoc.Equal(in, v) {
				t.Fatalf("part %d: %v became %v", i, in, v)
			}
		}
		if !bytes.Equal(again, whole) {
			t.Fatal("the round trip changed the key")
		}
	})
}

func encode(t testing.TB, tuple []any) []byte {
	t.Helper()
	var key []byte
	for _, v := range tuple {
		var err error
		if key, err = rawdoc.AppendKey(key, rawValue(t, v)); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

// FuzzDecodeKey feeds bytes from outside: an error or a key that encodes to the same.
func FuzzDecodeKey(f *testing.F) {
	f.Add([]byte{0x10})
	f.Add([]byte{0x30, 'a', 0, 0xff, 0, 1})
	f.Add([]byte{0x40, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0x20, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 1})
	f.Fuzz(func(t *testing.T, key []byte) {
		vals, err := rawdoc.DecodeKey(key)
		if err != nil {
			return
		}
		var again []byte
		for _, v := range vals {
			if again, err = rawdoc.AppendKey(again, v); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(again, key) {
			t.Fatalf("%x decodes but encodes to %x", key, again)
		}
	})
}

func TestAppendKey_Refuses(t *testing.T) {
	t.Parallel()
	for _, v := range []any{1.5, bson.D{}, bson.A{}, bson.NewObjectID(), bson.Binary{Subtype: 4, Data: make([]byte, 16)}} {
		if _, err := rawdoc.AppendKey(nil, rawValue(t, v)); err == nil {
			t.Errorf("%T was taken", v)
		}
	}
}
