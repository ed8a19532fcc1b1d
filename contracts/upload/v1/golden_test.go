package uploadv1_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/goldentest"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// messages are one filled value per message that crosses a boundary. Inside v1
// their JSON may only gain optional fields.
func messages() map[string]any {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	ticket := objectv1.Ticket{
		VersionID: "v1", BucketID: "b1", AccountID: "acc_1", KeyDomain: "acc_1", Region: "us-central1", MaxSize: 1 << 40, Reserved: 64 << 20,
		Held: true, LeaseTill: at,
	}
	ingest := uploadv1.Ingest{Ticket: ticket, Bucket: "photos", Key: "2026/a.jpg", StartedAt: at, LeaseTill: at}
	principal := authv1.Principal{AccountID: "acc_1", Username: "alice", KeyID: "LWAK1", Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeWrite}}}
	named := uploadv1.MultipartRequest{Principal: principal, Bucket: "photos", Key: "2026/a.jpg", UploadID: "mpu_01ARZ3NDEKTSV4RRFFQ69G5FAV"}
	multipart := uploadv1.Multipart{UploadID: named.UploadID, Bucket: "photos", Key: "2026/a.jpg", InitiatedAt: at, ExpiresAt: at.Add(7 * 24 * time.Hour)}
	digests := map[blob.Algorithm][]byte{blob.SHA256: []byte("sha256"), blob.CRC64NVME: []byte("crc64nvme")}
	part := uploadv1.Part{Number: 7, ETag: `"0123456789abcdef0123456789abcdef-1"`, Size: 5 << 20, Digests: digests, At: at}
	session, content := sessionMessages(at)
	return map[string]any{
		"session":         session,
		"session_content": content,
		"create_session_request": uploadv1.CreateSessionRequest{
			Principal: principal, Bucket: objectv1.DriveBucket, Key: "2026/a.jpg", Size: -1, Region: "us-central1", Metadata: objectv1.Metadata{ContentType: "image/jpeg"},
			File: &objectv1.FileOptions{Conflict: objectv1.ConflictRename, KeyHash: []byte("keyhash")}, Extra: map[string]string{"tus": "filename YQ=="},
			Origin: objectv1.Origin{RequestID: "r1", SourceIP: "192.0.2.1", Dialect: "lockr"},
		},
		"created_session":         uploadv1.CreatedSession{Session: session, Secret: secret},
		"session_request":         uploadv1.SessionRequest{Secret: secret},
		"acquire_session_request": uploadv1.AcquireSessionRequest{Secret: secret, Size: 12 << 20},
		"session_lease":           uploadv1.SessionLease{Session: session, Fence: 3, LeaseTill: at, Tail: &content},
		"append_session_request": uploadv1.AppendSessionRequest{
			Secret: secret, Fence: 3, Offset: 8 << 20, Contents: []uploadv1.SessionContent{content}, Midstate: []byte("midstate"),
		},
		"release_session_request": uploadv1.ReleaseSessionRequest{Secret: secret, Fence: 3},
		"finish_session_request":  uploadv1.FinishSessionRequest{Secret: secret, Fence: 3, Size: 12 << 20, Digests: digests, Compressed: true},

		"begin_request": uploadv1.BeginRequest{Put: objectv1.BeginPutRequest{
			Principal: authv1.Principal{AccountID: "acc_1", Username: "alice", Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeWrite}}},
			Bucket:    "photos", Key: "2026/a.jpg", Size: -1, Conditions: objectv1.Conditions{IfNoneMatchAny: true}, Hold: true,
		}},
		"ingest":        ingest,
		"renew_request": uploadv1.RenewRequest{AccountID: "acc_1", VersionID: "v1", Bytes: 128 << 20},
		"end_request":   uploadv1.EndRequest{AccountID: "acc_1", VersionID: "v1", Committed: true},
		"end_response":  uploadv1.EndResponse{},
		"list_request":  uploadv1.ListRequest{After: "v1", Limit: 10},
		"list_response": uploadv1.ListResponse{Ingests: []uploadv1.Ingest{ingest}, More: true},
		"empty":         uploadv1.Empty{},

		"create_multipart_request": uploadv1.CreateMultipartRequest{
			Principal: principal, Bucket: "photos", Key: "2026/a.jpg", Metadata: objectv1.Metadata{ContentType: "image/jpeg", User: map[string]string{"camera": "x1"}},
			Retention: &objectv1.Retention{Mode: objectv1.Governance, Until: at}, LegalHold: true,
		},
		"multipart":          multipart,
		"multipart_request":  named,
		"begin_part_request": uploadv1.BeginPartRequest{MultipartRequest: named, Number: 7, Size: 5 << 20},
		"part_ticket":        uploadv1.PartTicket{KeyDomain: "acc_1", Region: "us-central1", MaxSize: 1 << 40, ContentType: "image/jpeg", ContentEncoding: "gzip"},
		"commit_part_request": uploadv1.CommitPartRequest{
			MultipartRequest: named, Number: 7, ContentID: "01ARZ3NDEKTSV4RRFFQ69G5FAW", Digests: digests, Compressed: true,
			Manifest: blob.Manifest{Size: 5 << 20, Region: "us-central1", Domain: "acc_1", Segments: []blob.SegmentRef{
				{ID: "ab", Len: 5 << 20, Domain: "acc_1", Store: "blobs-us-central1", Token: "tok", Chunks: 41, Stored: 5<<20 + 100},
			}, Stored: 5<<20 + 100},
		},
		"part":                part,
		"list_parts_request":  uploadv1.ListPartsRequest{MultipartRequest: named, After: 6, Limit: 1},
		"list_parts_response": uploadv1.ListPartsResponse{Parts: []uploadv1.Part{part}, More: true},
		"complete_multipart_request": uploadv1.CompleteMultipartRequest{
			MultipartRequest: named, Parts: []uploadv1.CompletedPart{{Number: 7, ETag: part.ETag}}, Conditions: objectv1.Conditions{IfMatch: []string{`"x"`}},
			Origin: objectv1.Origin{RequestID: "r1", SourceIP: "192.0.2.1", Dialect: "lockwell"},
		},
		"list_multiparts_request": uploadv1.ListMultipartsRequest{
			Principal: principal, Bucket: "photos", Prefix: "2026/", AfterKey: "2026/a.jpg", AfterUploadID: named.UploadID, Limit: 10,
		},
		"list_multiparts_response": uploadv1.ListMultipartsResponse{Uploads: []uploadv1.Multipart{multipart}, More: true},
	}
}

const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func sessionMessages(at time.Time) (uploadv1.Session, uploadv1.SessionContent) {
	content := uploadv1.SessionContent{
		ContentID: "01ARZ3NDEKTSV4RRFFQ69G5FAW", Compressed: true,
		Manifest: blob.Manifest{Size: 4 << 20, Region: "us-central1", Domain: "acc_1", Segments: []blob.SegmentRef{
			{ID: "ab", Len: 4 << 20, Domain: "acc_1", Store: "blobs-us-central1", Token: "tok", Chunks: 33, Stored: 4<<20 + 100},
		}, Stored: 4<<20 + 100},
	}
	session := uploadv1.Session{
		ID: "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV", AccountID: "acc_1", NodeID: "k3v9x2m8q1k3v9x2m8q1", Bucket: objectv1.DriveBucket, Key: "2026/a.jpg",
		Region: "us-central1", KeyDomain: "acc_1", Type: "image/jpeg", Size: 12 << 20, MaxSize: 100e9, Offset: 12 << 20, Midstate: []byte("midstate"),
		CreatedAt: at, ExpiresAt: at.Add(7 * 24 * time.Hour), KeyHash: []byte("keyhash"), FileExpiry: at.Add(30 * 24 * time.Hour),
		Extra: map[string]string{"tus": "filename YQ=="}, Result: &objectv1.Object{BucketID: "b1", Bucket: objectv1.DriveBucket, Key: "2026/a.jpg", VersionID: "v1", ETag: `"x"`, Size: 12 << 20, StorageClass: "STANDARD", CreatedAt: at},
	}
	return session, content
}

func TestMessages_Golden(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	goldentest.Messages(t, withFetch(withPlik(messages(), at), at))
}

// TestMessages_FitIntoOne: NATS carries 1 MiB in one message. The longest list of
// parts, the longest page of them, and what completes them have to fit.
func TestMessages_FitIntoOne(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	key := strings.Repeat("\x01", 1024) // six bytes each in JSON
	named := uploadv1.MultipartRequest{
		Principal: authv1.Principal{AccountID: "acc_1", Username: strings.Repeat("a", 64), KeyID: "LWAK1"}, Bucket: strings.Repeat("b", 63), Key: key,
		UploadID: "mpu_01ARZ3NDEKTSV4RRFFQ69G5FAV",
	}
	complete := uploadv1.CompleteMultipartRequest{MultipartRequest: named}
	commit := objectv1.CommitPutRequest{Principal: named.Principal, Bucket: named.Bucket, Key: key, Metadata: objectv1.Metadata{User: map[string]string{"a": strings.Repeat("\x01", 8<<10)}}}
	for n := 1; n <= uploadv1.MaxPartNumber; n++ {
		complete.Parts = append(complete.Parts, uploadv1.CompletedPart{Number: n, ETag: `"0123456789abcdef0123456789abcdef-1"`})
		commit.Parts = append(commit.Parts, objectv1.NewContentID())
	}
	part := uploadv1.Part{Number: 10000, ETag: `"0123456789abcdef0123456789abcdef-1"`, Size: 1 << 50, At: time.Now(), Digests: map[blob.Algorithm][]byte{
		blob.SHA256: make([]byte, 32), blob.SHA1: make([]byte, 20), blob.CRC64NVME: make([]byte, 8), blob.CRC32: make([]byte, 4), blob.CRC32C: make([]byte, 4),
	}}
	for len(commit.Parts) < uploadv1.MaxSessionContents {
		commit.Parts = append(commit.Parts, objectv1.NewContentID())
	}
	_, content := sessionMessages(time.Now())
	content.Manifest.Segments = slices.Repeat(content.Manifest.Segments, 3) // a unit is one, unless it is cut elsewhere
	appended := uploadv1.AppendSessionRequest{Secret: secret, Contents: slices.Repeat([]uploadv1.SessionContent{content}, uploadv1.MaxAppend), Midstate: make([]byte, 4<<10)}
	for what, m := range map[string]any{"append": appended, "complete": complete, "commit": commit, "page": uploadv1.ListPartsResponse{Parts: slices.Repeat([]uploadv1.Part{part}, uploadv1.MaxPartsPage), More: true}} {
		b, err := json.Marshal(m)
		if err != nil || len(b) > limit-64<<10 {
			t.Errorf("%s: %d bytes, %v", what, len(b), err)
		}
		t.Logf("%s: %d bytes", what, len(b))
	}
}
