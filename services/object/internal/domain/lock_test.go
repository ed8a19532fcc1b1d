package domain_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func (e *env) lockBucket(name string, d *objectv1.DefaultRetention) objectv1.Bucket {
	e.t.Helper()
	b, err := e.CreateBucket(e.t.Context(), objectv1.CreateBucketRequest{Principal: alice, Name: name, ObjectLock: true, DefaultRetention: d})
	if err != nil {
		e.t.Fatal(err)
	}
	return b
}

func (e *env) now() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) }

func (e *env) retain(bucket, key, version, mode string, until time.Time) error {
	_, err := e.SetRetention(e.t.Context(), objectv1.SetRetentionRequest{
		Principal: alice, Bucket: bucket, Key: key, VersionID: version, Retention: objectv1.Retention{Mode: mode, Until: until},
	})
	return err
}

func (e *env) hold(bucket, key, version string, on bool) error {
	h, err := e.SetLegalHold(e.t.Context(), objectv1.SetLegalHoldRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: version, On: on})
	if err == nil && h.On != on {
		e.t.Errorf("hold %+v", h)
	}
	return err
}

func versionOf(bucket, key, version string) objectv1.VersionRequest {
	return objectv1.VersionRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: version}
}

func TestRetention_ExtendsOnly(t *testing.T) {
	t.Parallel()
	const g, c = objectv1.Governance, objectv1.Compliance
	day := 24 * time.Hour
	e := newEnv(t, envOptions{})
	e.lockBucket("files", nil)
	for _, x := range []struct {
		name     string
		has      string // mode for ten days; "" is none
		passed   time.Duration
		mode     string
		days     int
		want     error
		sameDate bool
	}{
		{name: "first", mode: g, days: 1},
		{name: "first, strict", mode: c, days: 1},
		{name: "extended", has: g, mode: g, days: 11},
		{name: "extended, strict", has: c, mode: c, days: 11},
		{name: "same again", has: g, mode: g, sameDate: true},
		{name: "stricter, same date", has: g, mode: c, sameDate: true},
		{name: "stricter, later", has: g, mode: c, days: 11},
		{name: "stricter, but shorter", has: g, mode: c, days: 9, want: objectv1.ErrObjectLocked},
		{name: "shorter", has: g, mode: g, days: 9, want: objectv1.ErrObjectLocked},
		{name: "shorter, strict", has: c, mode: c, days: 9, want: objectv1.ErrObjectLocked},
		{name: "weaker", has: c, mode: g, sameDate: true, want: objectv1.ErrObjectLocked},
		{name: "weaker, but longer", has: c, mode: g, days: 20, want: objectv1.ErrObjectLocked},
		{name: "past", mode: g, days: -1, want: fault.ErrInvalid},
		{name: "now", mode: g, want: fault.ErrInvalid},
		{name: "too far", mode: g, days: 36_502, want: fault.ErrInvalid},
		{name: "no mode", days: 1, want: fault.ErrInvalid},
		{name: "other mode", mode: "governance", days: 1, want: fault.ErrInvalid},
		{name: "over, then anything", has: c, passed: 10 * day, mode: g, days: 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			k := x.name
			e.put("files", k, "1")
			has := e.now().Add(10 * day)
			if x.has != "" {
				if err := e.retain("files", k, "", x.has, has); err != nil {
					t.Fatal(err)
				}
			}
			e.advance(x.passed)
			until := e.now().Add(time.Duration(x.days) * day)
			if x.sameDate {
				until = has
			}
			if err := e.retain("files", k, "", x.mode, until); !errors.Is(err, x.want) {
				t.Fatalf("got %v, want %v", err, x.want)
			}
			got, err := e.GetRetention(t.Context(), versionOf("files", k, ""))
			switch {
			case x.want == nil:
				if err != nil || got.Mode != x.mode || !got.Until.Equal(until.Truncate(time.Millisecond)) {
					t.Fatalf("got %+v, %v", got, err)
				}
			case x.has == "":
				wantErr(t, err, objectv1.ErrNoRetention)
			default:
				if err != nil || got.Mode != x.has || !got.Until.Equal(has.Truncate(time.Millisecond)) {
					t.Fatalf("a refused change came through: %+v, %v", got, err)
				}
			}
		})
	}
}

// Retention and legal hold stand against every way of removing a version.
func TestLocks_HoldAgainstEveryWay(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"retention", "strict retention", "default", "legal hold", "at the write"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, envOptions{})
			var d *objectv1.DefaultRetention
			if how == "default" {
				d = &objectv1.DefaultRetention{Mode: objectv1.Governance, Days: 30}
			}
			e.lockBucket("files", d)
			id, err := "", error(nil)
			if how == "at the write" {
				id = e.putLocked(t, "files", "k", &objectv1.Retention{Mode: objectv1.Compliance, Until: e.now().Add(30 * 24 * time.Hour)}, true).VersionID
			} else {
				id = e.put("files", "k", "body").VersionID
			}
			switch how {
			case "retention":
				err = e.retain("files", "k", id, objectv1.Governance, e.now().Add(30*24*time.Hour))
			case "strict retention":
				err = e.retain("files", "k", "", objectv1.Compliance, e.now().Add(30*24*time.Hour))
			case "legal hold":
				err = e.hold("files", "k", "", true)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.tryDelete("files", "k", id)
			wantErr(t, err, objectv1.ErrObjectLocked)
			batch, err := e.DeleteObjects(t.Context(), objectv1.DeleteObjectsRequest{
				Principal: alice, Bucket: "files", Objects: []objectv1.ObjectRef{{Key: "k", VersionID: id}},
			})
			if err != nil || batch.Results[0].Fault == nil || !errors.Is(batch.Results[0].Fault.Err(), objectv1.ErrObjectLocked) {
				t.Fatalf("batch %+v, %v", batch, err)
			}
			marker := e.delete("files", "k", "") // only hides it
			e.put("files", "k", "newer")         // only covers it
			e.delete("files", "k", marker.VersionID)
			e.wantBucketKept("files")
			_, err = e.SetVersioning(t.Context(), objectv1.SetVersioningRequest{Principal: alice, Bucket: "files", Versioning: objectv1.Suspended})
			wantErr(t, err, objectv1.ErrLockNeedsVersioning)
			for range 3 {
				e.advance(26 * time.Hour)
				if err := e.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if o, err := e.stat("files", "k", id); err != nil || o.Size != 4 || !o.ObjectLock || o.Retention == nil && !o.LegalHold {
				t.Fatalf("%+v, %v", o, err)
			}
			// Unlocked it goes.
			e.advance(40 * 24 * time.Hour)
			if how == "legal hold" || how == "at the write" {
				_, err = e.tryDelete("files", "k", id)
				wantErr(t, err, objectv1.ErrObjectLocked)
				if err := e.hold("files", "k", id, false); err != nil {
					t.Fatal(err)
				}
			}
			e.delete("files", "k", id)
		})
	}
}

func (e *env) wantBucketKept(name string) {
	e.t.Helper()
	err := e.DeleteBucket(e.t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: name})
	wantErr(e.t, err, objectv1.ErrBucketNotEmpty)
}

// putLocked writes an object with locks of its own.
func (e *env) putLocked(t *testing.T, bucket, key string, r *objectv1.Retention, hold bool) objectv1.Object {
	t.Helper()
	ticket, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: bucket, Key: key, Size: 4, Retention: r, LegalHold: hold})
	if err != nil {
		t.Fatal(err)
	}
	c := commitOf(alice, bucket, key, "body", ticket)
	c.Retention, c.LegalHold = r, hold
	o, err := e.CommitPut(t.Context(), c)
	if err != nil || o.LegalHold != hold || (o.Retention == nil) != (r == nil) {
		t.Fatalf("%+v, %v", o, err)
	}
	return o
}

func TestLocks_AtTheWrite(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.lockBucket("files", &objectv1.DefaultRetention{Mode: objectv1.Compliance, Days: 30})
	e.bucket("plain", true)
	soon := e.now().Add(time.Hour)
	o := e.putLocked(t, "files", "k", &objectv1.Retention{Mode: objectv1.Governance, Until: soon}, false)
	if o.Retention.Mode != objectv1.Governance || !o.Retention.Until.Equal(soon.Truncate(time.Millisecond)) {
		t.Fatalf("the write's retention %+v is not instead of the default", o.Retention)
	}
	if o := e.put("files", "d", "1"); o.Retention == nil || o.Retention.Mode != objectv1.Compliance || o.LegalHold {
		t.Fatalf("default %+v", o)
	}
	begin := objectv1.BeginPutRequest{Principal: alice, Bucket: "plain", Key: "k", Size: 4, LegalHold: true}
	_, err := e.BeginPut(t.Context(), begin)
	wantErr(t, err, objectv1.ErrLockNotEnabled)
	writer := alice
	writer.KeyID, writer.Grant.Scopes = "LWAKAAAAAAAAAAAAAAAA", []authv1.Scope{authv1.ScopeWrite}
	begin.Principal, begin.Bucket = writer, "files"
	_, err = e.BeginPut(t.Context(), begin)
	wantErr(t, err, objectv1.ErrAccessDenied)
	for name, x := range map[string]struct {
		change func(c *objectv1.CommitPutRequest)
		bucket string
		want   error
	}{
		"past": {func(c *objectv1.CommitPutRequest) {
			c.Retention = &objectv1.Retention{Mode: "GOVERNANCE", Until: e.now().Add(-time.Minute)}
		}, "files", fault.ErrInvalid},
		"mode":       {func(c *objectv1.CommitPutRequest) { c.Retention = &objectv1.Retention{Mode: "x", Until: soon} }, "files", fault.ErrInvalid},
		"plain":      {func(c *objectv1.CommitPutRequest) { c.Retention = &objectv1.Retention{Mode: "GOVERNANCE", Until: soon} }, "plain", objectv1.ErrLockNotEnabled},
		"plain hold": {func(c *objectv1.CommitPutRequest) { c.LegalHold = true }, "plain", objectv1.ErrLockNotEnabled},
		"no admin":   {func(c *objectv1.CommitPutRequest) { c.LegalHold, c.Principal = true, writer }, "files", objectv1.ErrAccessDenied},
		"no admin, retention": {func(c *objectv1.CommitPutRequest) {
			c.Retention, c.Principal = &objectv1.Retention{Mode: "GOVERNANCE", Until: soon}, writer
		}, "files", objectv1.ErrAccessDenied},
	} {
		ticket, err := e.begin(x.bucket, "k", 4)
		if err != nil {
			t.Fatal(err)
		}
		c := commitOf(alice, x.bucket, "k", "body", ticket)
		x.change(&c)
		if _, err := e.CommitPut(t.Context(), c); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A date that lay in the future when the write began may have passed by its end.
	ticket, err := e.begin("files", "slow", 4)
	if err != nil {
		t.Fatal(err)
	}
	c := commitOf(alice, "files", "slow", "body", ticket)
	c.Retention = &objectv1.Retention{Mode: objectv1.Governance, Until: e.now().Add(5 * time.Minute)}
	e.advance(10 * time.Minute)
	if _, err := e.CommitPut(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// Who completes an upload need not be who began it, and may lack the admin scope.
func TestLocks_DecidedWhenTheUploadBegan(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.lockBucket("files", nil)
	writer := withKey(keyA, authv1.ScopeWrite)
	for _, locks := range []bool{true, false} {
		begin := objectv1.BeginPutRequest{Principal: alice, Bucket: "files", Key: "k", Size: 4, Hold: true}
		retention := &objectv1.Retention{Mode: objectv1.Governance, Until: e.now().Add(time.Hour)}
		if locks {
			begin.Retention, begin.LegalHold = retention, true
		}
		ticket, err := e.BeginPut(t.Context(), begin)
		if err != nil {
			t.Fatal(err)
		}
		c := commitOf(writer, "files", "k", "body", ticket)
		c.LegalHold, c.Retention = true, retention
		if !locks {
			_, err := e.CommitPut(t.Context(), c)
			wantErr(t, err, objectv1.ErrAccessDenied)
			continue
		}
		for range 2 {
			if o, err := e.CommitPut(t.Context(), c); err != nil || !o.LegalHold || o.Retention == nil {
				t.Fatalf("%+v, %v", o, err)
			}
		}
	}
}

// Neither of the two locks opens the door for the other: not where a policy
// denies one of them, and not at the commit of an upload that asked for one.
func TestLocks_EachIsDecided(t *testing.T) {
	t.Parallel()
	retention := func(e *env) *objectv1.Retention {
		return &objectv1.Retention{Mode: objectv1.Governance, Until: e.now().Add(time.Hour)}
	}
	for _, x := range []struct {
		denied          objectv1.Action
		retention, hold bool
		want            error
	}{
		{objectv1.ActionPutObjectLegalHold, true, false, nil}, {objectv1.ActionPutObjectLegalHold, false, true, objectv1.ErrAccessDenied},
		{objectv1.ActionPutObjectLegalHold, true, true, objectv1.ErrAccessDenied}, {objectv1.ActionPutObjectRetention, false, true, nil},
		{objectv1.ActionPutObjectRetention, true, false, objectv1.ErrAccessDenied}, {objectv1.ActionPutObjectRetention, true, true, objectv1.ErrAccessDenied},
	} {
		e := newEnv(t, envOptions{})
		e.lockBucket("files", nil)
		if err := e.policy("files", statement(objectv1.Deny, x.denied)); err != nil {
			t.Fatal(err)
		}
		admin := withKey(keyA, authv1.ScopeAdmin, authv1.ScopeWrite)
		for _, held := range []bool{false, true} {
			begin := objectv1.BeginPutRequest{Principal: admin, Bucket: "files", Key: "k", Size: 4, Hold: held}
			plain, err := e.BeginPut(t.Context(), begin)
			if err != nil {
				t.Fatal(err)
			}
			c := commitOf(admin, "files", "k", "body", plain)
			c.LegalHold = x.hold
			if x.retention {
				c.Retention = retention(e)
			}
			begin.Retention, begin.LegalHold = c.Retention, c.LegalHold
			if _, err := e.BeginPut(t.Context(), begin); !errors.Is(err, x.want) {
				t.Errorf("%+v, held %t: beginning gave %v", x, held, err)
			}
			if _, err := e.CommitPut(t.Context(), c); !errors.Is(err, x.want) {
				t.Errorf("%+v, held %t: a commit of what was not announced gave %v", x, held, err)
			}
		}
	}
}

func TestLocks_NeedAnObjectLockBucket(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	e.put("files", "k", "1")
	_, err := e.GetRetention(t.Context(), versionOf("files", "k", ""))
	wantErr(t, err, objectv1.ErrLockNotEnabled)
	_, err = e.GetLegalHold(t.Context(), versionOf("files", "k", ""))
	wantErr(t, err, objectv1.ErrLockNotEnabled)
	wantErr(t, e.hold("files", "k", "", true), objectv1.ErrLockNotEnabled)
	wantErr(t, e.retain("files", "k", "", objectv1.Governance, e.now().Add(time.Hour)), objectv1.ErrLockNotEnabled)
}

func TestSubresources_MissingAndMarkers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.lockBucket("files", nil)
	o := e.put("files", "k", "1")
	e.put("files", "other", "1")
	marker := e.delete("files", "k", "")
	for _, c := range []struct {
		key, version string
		want         error
	}{
		{"k", "", objectv1.ErrDeleteMarker}, {"k", marker.VersionID, objectv1.ErrDeleteMarker}, {"none", "", objectv1.ErrNotFound},
		{"other", o.VersionID, objectv1.ErrNotFound}, {"k", "x", objectv1.ErrNotFound}, {"k", "null", objectv1.ErrNotFound},
		{"", "", objectv1.ErrInvalidKey}, {"k", o.VersionID, nil},
	} {
		ref := versionOf("files", c.key, c.version)
		_, tags := e.GetTags(t.Context(), ref)
		_, setTags := e.SetTags(t.Context(), objectv1.SetTagsRequest{Principal: alice, Bucket: "files", Key: c.key, VersionID: c.version})
		retention := e.retain("files", c.key, c.version, objectv1.Governance, e.now().Add(time.Hour))
		_, getRetention := e.GetRetention(t.Context(), ref)
		_, hold := e.GetLegalHold(t.Context(), ref)
		for i, err := range []error{tags, setTags, retention, getRetention, hold, e.hold("files", c.key, c.version, false)} {
			if !errors.Is(err, c.want) {
				t.Errorf("%q %q, call %d: %v, want %v", c.key, c.version, i, err, c.want)
			}
		}
	}
}

// Of a removal and a lock on the same version one wins, and the other sees it.
func TestLocks_RaceWithRemoval(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.lockBucket("files", nil)
	removed, locked := 0, 0
	for round := range 60 {
		id := e.put("files", "k", "body").VersionID
		var removal, lock error
		var wg sync.WaitGroup
		wg.Go(func() { _, removal = e.tryDelete("files", "k", id) })
		wg.Go(func() {
			if round%2 == 0 {
				lock = e.hold("files", "k", id, true)
			} else {
				lock = e.retain("files", "k", id, objectv1.Governance, e.now().Add(time.Hour))
			}
		})
		wg.Wait()
		_, err := e.stat("files", "k", id)
		switch {
		case removal == nil && errors.Is(lock, objectv1.ErrNotFound) && errors.Is(err, objectv1.ErrNotFound):
			removed++
		case errors.Is(removal, objectv1.ErrObjectLocked) && lock == nil && err == nil:
			locked++
		default:
			t.Fatalf("removal %v, lock %v, then %v", removal, lock, err)
		}
	}
	t.Logf("%d removed, %d locked", removed, locked)
}
