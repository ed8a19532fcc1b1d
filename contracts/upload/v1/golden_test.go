package uploadv1_test

import (
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/goldentest"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
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
	return map[string]any{
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
	}
}

func TestMessages_Golden(t *testing.T) {
	t.Parallel()
	goldentest.Messages(t, messages())
}
