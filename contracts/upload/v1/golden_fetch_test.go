package uploadv1_test

import (
	"maps"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// fetchMessages are those of remote URLs.
func fetchMessages(at time.Time) map[string]any {
	who := authv1.Principal{AccountID: "acc_1", Username: "alice", Limits: authv1.Limits{StorageBytes: 10e9, ObjectBytes: 5e9}, Region: "eu-west1"}
	f := uploadv1.Fetch{
		ID: 17, AccountID: "acc_1", URL: "https://files.example/a%20b.bin?x=1", FolderID: "k3v9x2m8q1k3v9x2m8q1", State: uploadv1.FetchFailed, Attempts: 2,
		Received: 5 << 20, Size: 12 << 20, NodeID: "q1k3v9x2m8q1k3v9x2m8", Reason: "the address answered with status 404", CreatedAt: at, UpdatedAt: at.Add(time.Minute),
	}
	return map[string]any{
		"fetch":                   f,
		"add_fetch_request":       uploadv1.AddFetchRequest{Principal: who, URL: f.URL, FolderID: f.FolderID, Limit: 50},
		"fetch_request":           uploadv1.FetchRequest{Principal: who, ID: 17},
		"list_fetches_request":    uploadv1.ListFetchesRequest{Principal: who},
		"list_fetches_response":   uploadv1.ListFetchesResponse{Fetches: []uploadv1.Fetch{f}},
		"remove_fetches_request":  uploadv1.RemoveFetchesRequest{AccountID: "acc_1"},
		"remove_fetches_response": uploadv1.RemoveFetchesResponse{More: true},
		"fetch_work":              uploadv1.FetchWork{ID: 17, AccountID: "acc_1"},
		"fetch_work_request":      uploadv1.FetchWorkRequest{ID: 17},
		"fetch_leased":            uploadv1.FetchLeased{Fetch: f, Principal: who, Fence: 2},
		"keep_fetch_request":      uploadv1.KeepFetchRequest{ID: 17, Fence: 2, Received: 5 << 20, Size: -1},
		"end_fetch_request": uploadv1.EndFetchRequest{
			ID: 17, Fence: 2, NodeID: f.NodeID, Size: 12 << 20, Reason: f.Reason, Again: true, WaitSeconds: 120, Returned: true,
		},
	}
}

// withFetch joins both sets of messages.
func withFetch(m map[string]any, at time.Time) map[string]any {
	maps.Copy(m, fetchMessages(at))
	return m
}
