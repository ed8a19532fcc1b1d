package domain_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	keyA = "LWAKAAAAAAAAAAAAAAAA"
	keyB = "LWAKBBBBBBBBBBBBBBBB"
)

// withKey is alice by an access key.
func withKey(id string, scopes ...authv1.Scope) authv1.Principal {
	p := alice
	p.KeyID, p.Grant.Scopes = id, scopes
	return p
}

var allScopes = []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete, authv1.ScopeAdmin}

func statement(effect objectv1.Effect, actions ...objectv1.Action) objectv1.Statement {
	return objectv1.Statement{Effect: effect, Actions: actions}
}

func on(st objectv1.Statement, prefixes ...string) objectv1.Statement {
	st.Prefixes = prefixes
	return st
}

func of(st objectv1.Statement, keys ...string) objectv1.Statement {
	st.AccessKeyIDs = keys
	return st
}

func (e *env) policy(bucket string, statements ...objectv1.Statement) error {
	_, err := e.SetPolicy(e.t.Context(), objectv1.SetPolicyRequest{
		Principal: alice, Bucket: bucket, Policy: objectv1.Policy{Statements: statements},
	})
	return err
}

func (e *env) may(p authv1.Principal, bucket string, a objectv1.Action, key string) error {
	_, err := e.Authorize(e.t.Context(), objectv1.AuthorizeRequest{Principal: p, Bucket: bucket, Action: a, Key: key})
	return err
}

func TestPolicy_Evaluation(t *testing.T) {
	t.Parallel()
	const (
		get, list, look = objectv1.ActionGetObject, objectv1.ActionListObjects, objectv1.ActionGetBucket
		put, tags       = objectv1.ActionPutObject, objectv1.ActionPutObjectTags
		del, delVersion = objectv1.ActionDeleteObject, objectv1.ActionDeleteVersion
		versioning, any = objectv1.ActionPutVersioning, objectv1.ActionAny
		allow, deny     = objectv1.Allow, objectv1.Deny
	)
	type ask struct {
		a    objectv1.Action
		key  string
		want bool
	}
	type statements []objectv1.Statement
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	for name, c := range map[string]struct {
		policy statements
		asks   []ask
	}{
		"none":          {nil, []ask{{get, "k", true}, {put, "k", true}, {list, "", true}, {versioning, "", true}}},
		"deny one":      {statements{statement(deny, get)}, []ask{{get, "k", false}, {put, "k", true}, {list, "", true}}},
		"deny a scope":  {statements{statement(deny, "read")}, []ask{{get, "k", false}, {list, "", false}, {look, "", false}, {put, "k", true}, {versioning, "", true}}},
		"deny write":    {statements{statement(deny, "write")}, []ask{{put, "k", false}, {tags, "k", false}, {del, "k", true}}},
		"deny admin":    {statements{statement(deny, "admin")}, []ask{{versioning, "", false}, {objectv1.ActionPolicy, "", false}, {look, "", false}, {get, "k", true}}},
		"deny all":      {statements{statement(deny, any)}, []ask{{get, "k", false}, {versioning, "", false}, {look, "", false}}},
		"deny delete":   {statements{statement(deny, delVersion)}, []ask{{del, "k", true}, {delVersion, "k", false}}},
		"deny a prefix": {statements{on(statement(deny, any), "secret/")}, []ask{{get, "secret/x", false}, {get, "secret", true}, {get, "x", true}, {list, "", false}, {list, "s", false}, {list, "secret/", false}, {list, "secret/x", false}, {list, "x", true}, {list, "secreu", true}, {look, "", true}, {versioning, "", true}}},
		"deny a key":    {statements{of(statement(deny, any), keyB)}, []ask{{get, "k", true}}},
		"deny this key": {statements{of(statement(deny, any), keyB, keyA)}, []ask{{get, "k", false}}},
		"allow one":     {statements{statement(allow, get)}, []ask{{get, "k", true}, {put, "k", false}, {list, "", false}, {look, "", false}, {versioning, "", false}}},
		"allow prefix":  {statements{on(statement(allow, any), "in/", "out/")}, []ask{{get, "in/x", true}, {get, "out/x", true}, {get, "x", false}, {list, "", false}, {list, "in", false}, {list, "in/", true}, {list, "in/x", true}, {look, "", false}, {versioning, "", false}}},
		"allow other":   {statements{of(statement(allow, any), keyB)}, []ask{{get, "k", false}}},
		"deny wins":     {statements{statement(allow, any), on(statement(deny, get), "a")}, []ask{{get, "ab", false}, {get, "b", true}, {put, "ab", true}}},
		"deny first":    {statements{on(statement(deny, get), "a"), statement(allow, any)}, []ask{{get, "ab", false}, {get, "b", true}}},
		"two allows":    {statements{on(statement(allow, "read"), "a"), statement(allow, "write")}, []ask{{get, "a", true}, {get, "b", false}, {put, "b", true}, {del, "b", false}}},
	} {
		if err := e.policy("files", c.policy...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, q := range c.asks {
			err := e.may(withKey(keyA, allScopes...), "files", q.a, q.key)
			if q.want && err != nil || !q.want && !errors.Is(err, objectv1.ErrAccessDenied) {
				t.Errorf("%s: %s %q: %v", name, q.a, q.key, err)
			}
			if err := e.may(alice, "files", q.a, q.key); err != nil {
				t.Errorf("%s: the account itself, %s %q: %v", name, q.a, q.key, err)
			}
		}
	}
}

// What is authorised is what the calls do.
func TestPolicy_HoldsForEveryCall(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.lockBucket("files", nil)
	o := e.put("files", "k", "1")
	p := withKey(keyA, allScopes...)
	ticket, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: p, Bucket: "files", Key: "k", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	ref := objectv1.VersionRequest{Principal: p, Bucket: "files", Key: "k"}
	calls := map[objectv1.Action][]func() error{
		objectv1.ActionGetObject: {
			func() error { _, err := e.StatObject(ctx, ref); return err },
			func() error { _, err := e.GetTags(ctx, ref); return err },
			func() error { _, err := e.GetRetention(ctx, ref); return err },
			func() error { _, err := e.GetLegalHold(ctx, ref); return err },
		},
		objectv1.ActionListObjects: {
			func() error {
				_, err := e.ListObjects(ctx, objectv1.ListObjectsRequest{Principal: p, Bucket: "files", MaxKeys: 1})
				return err
			},
			func() error {
				_, err := e.ListVersions(ctx, objectv1.ListVersionsRequest{Principal: p, Bucket: "files", MaxKeys: 1})
				return err
			},
		},
		objectv1.ActionGetBucket: {
			func() error {
				_, err := e.GetBucket(ctx, objectv1.BucketRequest{Principal: p, Bucket: "files"})
				return err
			},
		},
		objectv1.ActionPutObject: {
			func() error {
				_, err := e.BeginPut(ctx, objectv1.BeginPutRequest{Principal: p, Bucket: "files", Key: "k", Size: 1})
				return err
			},
			func() error { _, err := e.CommitPut(ctx, commitOf(p, "files", "k", "1", ticket)); return err },
		},
		objectv1.ActionPutObjectTags: {
			func() error {
				_, err := e.SetTags(ctx, objectv1.SetTagsRequest{Principal: p, Bucket: "files", Key: "k"})
				return err
			},
		},
		objectv1.ActionDeleteObject: {
			func() error {
				_, err := e.DeleteObject(ctx, objectv1.DeleteObjectRequest{Principal: p, Bucket: "files", Key: "k"})
				return err
			},
			func() error { return e.batchOne(p, objectv1.ObjectRef{Key: "k"}) },
		},
		objectv1.ActionDeleteVersion: {
			func() error {
				_, err := e.DeleteObject(ctx, objectv1.DeleteObjectRequest{Principal: p, Bucket: "files", Key: "k", VersionID: o.VersionID})
				return err
			},
			func() error { return e.batchOne(p, objectv1.ObjectRef{Key: "k", VersionID: o.VersionID}) },
		},
		objectv1.ActionPutObjectRetention: {
			func() error {
				_, err := e.SetRetention(ctx, objectv1.SetRetentionRequest{Principal: p, Bucket: "files", Key: "k"})
				return err
			},
		},
		objectv1.ActionPutObjectLegalHold: {
			func() error {
				_, err := e.SetLegalHold(ctx, objectv1.SetLegalHoldRequest{Principal: p, Bucket: "files", Key: "k"})
				return err
			},
		},
		objectv1.ActionPutVersioning: {
			func() error {
				_, err := e.SetVersioning(ctx, objectv1.SetVersioningRequest{Principal: p, Bucket: "files", Versioning: objectv1.Enabled})
				return err
			},
		},
		objectv1.ActionNotifications: {
			func() error {
				_, err := e.GetNotifications(ctx, objectv1.BucketRequest{Principal: p, Bucket: "files"})
				return err
			},
			func() error {
				_, err := e.SetNotifications(ctx, objectv1.SetNotificationsRequest{Principal: p, Bucket: "files"})
				return err
			},
		},
		objectv1.ActionPolicy: {
			func() error {
				_, err := e.GetPolicy(ctx, objectv1.BucketRequest{Principal: p, Bucket: "files"})
				return err
			},
			func() error {
				_, err := e.SetPolicy(ctx, objectv1.SetPolicyRequest{Principal: p, Bucket: "files"})
				return err
			},
		},
		objectv1.ActionDeleteBucket: {
			func() error { return e.DeleteBucket(ctx, objectv1.BucketRequest{Principal: p, Bucket: "files"}) },
		},
	}
	for denied := range calls {
		if err := e.policy("files", statement(objectv1.Deny, denied)); err != nil {
			t.Fatal(err)
		}
		for i, call := range calls[denied] {
			wantErr(t, call(), objectv1.ErrAccessDenied)
			_ = i
		}
	}
	// Each denial names its own calls only: reading stays possible beside them.
	for _, call := range calls[objectv1.ActionListObjects] {
		if err := e.policy("files", statement(objectv1.Deny, objectv1.ActionGetObject)); err != nil {
			t.Fatal(err)
		}
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	if err := e.policy("files", statement(objectv1.Deny, objectv1.ActionGetBucket)); err != nil {
		t.Fatal(err)
	}
	if l, err := e.ListBuckets(ctx, objectv1.ListBucketsRequest{Principal: p}); err != nil || len(l.Buckets) != 0 {
		t.Fatalf("a bucket that may not be looked at is listed: %+v, %v", l, err)
	}
}

// batchOne deletes one object of "files" in a batch and gives its own fault.
func (e *env) batchOne(p authv1.Principal, o objectv1.ObjectRef) error {
	r, err := e.DeleteObjects(e.t.Context(), objectv1.DeleteObjectsRequest{Principal: p, Bucket: "files", Objects: []objectv1.ObjectRef{o}})
	if err == nil && r.Results[0].Fault != nil {
		err = r.Results[0].Fault.Err()
	}
	return err
}

func TestPolicy_SetGetClear(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	get := func() objectv1.Policy {
		t.Helper()
		p, err := e.GetPolicy(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"})
		if err != nil || p.Statements == nil {
			t.Fatalf("%+v, %v", p, err)
		}
		return p
	}
	if p := get(); len(p.Statements) != 0 {
		t.Fatalf("%+v", p)
	}
	st := of(on(statement(objectv1.Deny, "read", objectv1.ActionPutObject, "*"), "a/", "ü"), keyA)
	if err := e.policy("files", st, statement(objectv1.Allow, "*")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]objectv1.Statement{st, statement(objectv1.Allow, "*")}, get().Statements); d != "" {
		t.Fatal(d)
	}
	// An access key may shut itself out; the account gets it back.
	admin := withKey(keyA, authv1.ScopeAdmin)
	set := func(p authv1.Principal, st ...objectv1.Statement) error {
		_, err := e.SetPolicy(t.Context(), objectv1.SetPolicyRequest{Principal: p, Bucket: "files", Policy: objectv1.Policy{Statements: st}})
		return err
	}
	if err := e.policy("files"); err != nil {
		t.Fatal(err)
	}
	if err := set(admin, statement(objectv1.Deny, "*")); err != nil {
		t.Fatal(err)
	}
	wantErr(t, set(admin), objectv1.ErrAccessDenied)
	if err := set(alice); err != nil || len(get().Statements) != 0 {
		t.Fatal(err)
	}
	wantErr(t, set(withKey(keyA, authv1.ScopeRead)), objectv1.ErrAccessDenied)
	wantErr(t, set(owner("bob")), objectv1.ErrBucketNotFound)
}

func TestPolicy_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	good := statement(objectv1.Deny, objectv1.ActionGetObject)
	for name, c := range map[string]struct {
		st   []objectv1.Statement
		says string
	}{
		"effect":          {[]objectv1.Statement{statement("deny", objectv1.ActionGetObject)}, "effect"},
		"no effect":       {[]objectv1.Statement{good, statement("", objectv1.ActionGetObject)}, "statements[1]"},
		"no actions":      {[]objectv1.Statement{statement(objectv1.Deny)}, "actions"},
		"action":          {[]objectv1.Statement{statement(objectv1.Deny, "s3:GetObject")}, "s3:GetObject"},
		"action's case":   {[]objectv1.Statement{statement(objectv1.Deny, "GetObject")}, "GetObject"},
		"empty action":    {[]objectv1.Statement{statement(objectv1.Deny, "")}, "action"},
		"actions":         {[]objectv1.Statement{statement(objectv1.Deny, slices.Repeat([]objectv1.Action{"read"}, 101)...)}, "100"},
		"statements":      {slices.Repeat([]objectv1.Statement{good}, 101), "100"},
		"empty prefix":    {[]objectv1.Statement{on(good, "")}, "prefix"},
		"long prefix":     {[]objectv1.Statement{on(good, strings.Repeat("x", 1025))}, "prefix"},
		"NUL":             {[]objectv1.Statement{on(good, "a\x00")}, "prefix"},
		"no UTF-8":        {[]objectv1.Statement{on(good, "\xff")}, "prefix"},
		"prefixes":        {[]objectv1.Statement{on(good, slices.Repeat([]string{"x"}, 101)...)}, "100"},
		"key id":          {[]objectv1.Statement{of(good, "me")}, "access key id"},
		"key id's case":   {[]objectv1.Statement{of(good, strings.ToLower(keyA))}, "access key id"},
		"key id with 0":   {[]objectv1.Statement{of(good, "LWAK0000000000000000")}, "access key id"},
		"any key":         {[]objectv1.Statement{of(good, "*")}, "access key id"},
		"key ids":         {[]objectv1.Statement{of(good, slices.Repeat([]string{keyA}, 101)...)}, "100"},
		"too much in all": {[]objectv1.Statement{on(good, slices.Repeat([]string{strings.Repeat("x", 1024)}, 30)...)}, "bytes"},
	} {
		err := e.policy("files", c.st...)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.From(err).Message, c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := e.GetPolicy(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"}); err != nil || len(p.Statements) != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
}

// Who has the scope learns that a bucket is not there; whose key is not for the
// bucket learns nothing.
func TestAuthorize_MissingAndOthersBuckets(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	if _, err := e.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: owner("bob"), Name: "bobs"}); err != nil {
		t.Fatal(err)
	}
	reader := withKey(keyA, authv1.ScopeRead)
	bound := reader
	bound.Grant.Buckets = []string{"files", "gone"}
	under := reader
	under.Grant.Prefixes = []string{"in/"}
	adminUnder := withKey(keyA, authv1.ScopeAdmin)
	adminUnder.Grant.Prefixes = []string{"in/"}
	for _, c := range []struct {
		who    authv1.Principal
		bucket string
		a      objectv1.Action
		key    string
		want   error
	}{
		{reader, "files", objectv1.ActionGetObject, "k", nil},
		{reader, "none", objectv1.ActionGetObject, "k", objectv1.ErrBucketNotFound},
		{reader, "bobs", objectv1.ActionGetObject, "k", objectv1.ErrBucketNotFound},
		{reader, "bobs", objectv1.ActionPutObject, "k", objectv1.ErrAccessDenied},
		{reader, "none", objectv1.ActionPutObject, "k", objectv1.ErrAccessDenied},
		{bound, "files", objectv1.ActionGetObject, "k", nil},
		{bound, "gone", objectv1.ActionGetObject, "k", objectv1.ErrBucketNotFound},
		{bound, "bobs", objectv1.ActionGetObject, "k", objectv1.ErrAccessDenied},
		{bound, "none", objectv1.ActionGetObject, "k", objectv1.ErrAccessDenied},
		{under, "files", objectv1.ActionGetObject, "in/k", nil},
		{under, "files", objectv1.ActionGetObject, "k", objectv1.ErrAccessDenied},
		{under, "files", objectv1.ActionListObjects, "in/", nil},
		{under, "files", objectv1.ActionListObjects, "", objectv1.ErrAccessDenied},
		{under, "files", objectv1.ActionGetBucket, "", nil},
		{adminUnder, "files", objectv1.ActionPutVersioning, "", objectv1.ErrAccessDenied},
		{adminUnder, "files", objectv1.ActionPolicy, "in/", objectv1.ErrAccessDenied},
		{adminUnder, "files", objectv1.ActionGetBucket, "", nil},
		{adminUnder, "files", objectv1.ActionPutObjectRetention, "in/k", nil},
		{adminUnder, "files", objectv1.ActionPutObjectRetention, "k", objectv1.ErrAccessDenied},
		{alice, "files", objectv1.ActionDeleteBucket, "", nil},
		{alice, "bobs", objectv1.ActionDeleteBucket, "", objectv1.ErrBucketNotFound},
		{alice, "files", "fly", "k", fault.ErrInvalid},
		{alice, "files", objectv1.ActionAny, "k", fault.ErrInvalid},
		{alice, "files", objectv1.ActionCreateBucket, "", fault.ErrInvalid},
		{alice, "files", objectv1.ActionGetObject, "", objectv1.ErrInvalidKey},
		{alice, "files", objectv1.ActionPutObject, "a\x00", objectv1.ErrInvalidKey},
		{alice, "files", objectv1.ActionListObjects, "", nil},
	} {
		if err := e.may(c.who, c.bucket, c.a, c.key); !errors.Is(err, c.want) {
			t.Errorf("%v %s %s %q: %v, want %v", c.who.Grant, c.bucket, c.a, c.key, err, c.want)
		}
	}
	if err := e.may(authv1.Principal{}, "files", objectv1.ActionGetObject, "k"); fault.KindOf(err) != fault.Unauthenticated {
		t.Fatal(err)
	}
	got, err := e.Authorize(t.Context(), objectv1.AuthorizeRequest{Principal: alice, Bucket: "files", Action: objectv1.ActionPutObject, Key: "k"})
	if err != nil || got.BucketID == "" || got.Region != "local" || got.ObjectLock {
		t.Fatalf("%+v, %v", got, err)
	}
}

// FuzzPolicy holds any policy against the rules that hold for all: it is refused
// or kept as it is; what a Deny names for everybody is never allowed; and a
// policy never gives what the key's scopes do not.
func FuzzPolicy(f *testing.F) {
	for _, p := range []string{
		`{"statements":[{"effect":"Deny","actions":["*"],"prefixes":["a"]}]}`,
		`{"statements":[{"effect":"Allow","actions":["read"],"accessKeyIds":["` + keyA + `"]}]}`,
		`{"statements":[]}`, `{}`, `[]`,
	} {
		f.Add(p, "a/b", "getObject")
	}
	world := newEnv(f, envOptions{})
	world.bucket("files", false)
	f.Fuzz(func(t *testing.T, raw, key, action string) {
		e := *world
		e.t = t
		var p objectv1.Policy
		if json.Unmarshal([]byte(raw), &p) != nil {
			return
		}
		if err := e.policy("files", p.Statements...); err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		got, err := e.GetPolicy(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"})
		if err != nil || len(got.Statements) != len(p.Statements) {
			t.Fatalf("%+v, %v", got, err)
		}
		a := objectv1.Action(action)
		full := e.may(withKey(keyA, allScopes...), "files", a, key)
		if errors.Is(full, fault.ErrInvalid) || errors.Is(full, objectv1.ErrInvalidKey) {
			return
		}
		for _, st := range p.Statements {
			names := slices.Contains(st.Actions, a) || slices.Contains(st.Actions, "*")
			if st.Effect == objectv1.Deny && names && len(st.Prefixes) == 0 && len(st.AccessKeyIDs) == 0 && full == nil {
				t.Fatalf("%s is allowed against %+v", a, st)
			}
		}
		for _, scope := range allScopes {
			if err := e.may(withKey(keyA, scope), "files", a, key); err == nil && full != nil {
				t.Fatalf("%s alone may %s, all scopes may not", scope, a)
			}
		}
		if err := e.may(withKey(keyA), "files", a, key); !errors.Is(err, objectv1.ErrAccessDenied) {
			t.Fatalf("no scope may %s: %v", a, err)
		}
		if err := e.may(alice, "files", a, key); err != nil {
			t.Fatalf("the account itself: %v", err)
		}
	})
}

// FuzzListVersions holds markers against the whole listing: whatever they are,
// the page is a part of it, in order, or they are refused.
func FuzzListVersions(f *testing.F) {
	e := newEnv(f, envOptions{})
	e.bucket("files", true)
	for _, k := range []string{"a", "a", "a/b", "b", "b", "ü"} {
		e.put("files", k, "1")
	}
	e.delete("files", "b", "")
	all := brief(e.versions("files", "", 1000))
	f.Add("", "", "", 3)
	for _, entry := range e.versions("files", "", 1000) {
		f.Add("", entry.Key, entry.VersionID, 2)
		f.Add("a", entry.Key, "null", 1)
	}
	f.Fuzz(func(t *testing.T, prefix, key, version string, limit int) {
		p, err := e.ListVersions(t.Context(), objectv1.ListVersionsRequest{
			Principal: alice, Bucket: "files", Prefix: prefix, KeyMarker: key, VersionIDMarker: version, MaxKeys: limit,
		})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		at := 0
		for _, entry := range brief(p.Versions) {
			i := slices.Index(all[at:], entry)
			if i < 0 || !strings.HasPrefix(entry, prefix) {
				t.Fatalf("%q is not a part of %q", brief(p.Versions), all)
			}
			at += i + 1
		}
	})
}
