package uploadv1_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// plikMessages are those of temporary uploads.
func plikMessages(at time.Time) map[string]any {
	limits := authv1.Limits{StorageBytes: 10e9, ObjectBytes: 5e9}
	caller := uploadv1.PlikCaller{
		Principal: authv1.Principal{AccountID: "acc_1", Username: "alice", Limits: limits}, TokenID: "tok_1", UploadToken: plikToken,
		Authorization: "Basic cGxpazpzZWNyZXQ=", Source: "192.0.2.1:4711",
	}
	end := at.Add(30 * 24 * time.Hour)
	upload := uploadv1.PlikUpload{
		ID: "aB3dE5fG7hJ9kL1m", AccountID: "acc_1", TokenID: "tok_1", TTL: 2592000, ExtendTTL: true, OneShot: true, Stream: true, Removable: true, Protected: true,
		Comments: "*hello*", SourceIP: "192.0.2.1:4711", CreatedAt: at, ExpiresAt: &end, Entries: 2, Size: 11, Admin: true, Token: plikToken,
	}
	file := uploadv1.PlikFile{
		ID: "Zz9Yy8Xx7Ww6Vv5U", UploadID: upload.ID, Index: 1, Name: "a b.txt", Status: uploadv1.PlikUploaded, MD5: "5eb63bbbe01eeed093cb22bb8f5acdc3",
		Type: "text/plain; charset=utf-8", Size: 11, Reference: "1", CreatedAt: at,
	}
	response := uploadv1.PlikFileResponse{Upload: upload, File: file, Object: uploadv1.PlikObject{
		Owner: authv1.Principal{AccountID: "acc_1", Username: "alice", Limits: limits, Region: "eu-west1", System: true}, Key: upload.ID + "/" + file.ID,
	}}
	announced := []uploadv1.PlikAnnounced{{Name: "a b.txt", Type: "text/plain", Size: 11, Reference: "1"}}
	fence := strings.Repeat("f", 32)
	return map[string]any{
		"create_plik_request": uploadv1.CreatePlikRequest{
			Caller: caller, TTL: 2592000, ExtendTTL: true, OneShot: true, Stream: true, Removable: true, Comments: "*hello*", Credential: "cGxpazpzZWNyZXQ=",
			Files: announced, More: true, UserSize: 1e9, Announced: 11,
		},
		"plik_with_files":          uploadv1.PlikWithFiles{Upload: upload, Files: []uploadv1.PlikFile{file}},
		"announce_plik_request":    uploadv1.AnnouncePlikRequest{Caller: caller, UploadID: upload.ID, From: 1, Files: announced, More: true},
		"plik_request":             uploadv1.PlikRequest{Caller: caller, UploadID: upload.ID},
		"plik_upload":              upload,
		"list_plik_files_request":  uploadv1.ListPlikFilesRequest{Caller: caller, UploadID: upload.ID, From: 1, Listed: true},
		"list_plik_files_response": uploadv1.ListPlikFilesResponse{Files: []uploadv1.PlikFile{file}, Next: 2},
		"plik_file_request":        uploadv1.PlikFileRequest{Caller: caller, UploadID: upload.ID, FileID: file.ID},
		"plik_file_response":       response,
		"begin_plik_request": uploadv1.BeginPlikRequest{
			Caller: caller, UploadID: upload.ID, FileID: file.ID, Name: file.Name, MaxEntries: 1000, Relay: "edge.v1.relay.x", GuestLimits: limits,
		},
		"plik_leased":       uploadv1.PlikLeased{PlikFileResponse: response, Fence: fence, Relay: "edge.v1.relay.x"},
		"keep_plik_request": uploadv1.KeepPlikRequest{UploadID: upload.ID, FileID: file.ID, Fence: fence},
		"finish_plik_request": uploadv1.FinishPlikRequest{
			UploadID: upload.ID, FileID: file.ID, Fence: fence, VersionID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Size: 11, MD5: file.MD5, Type: file.Type, UserSize: 1e9,
		},
		"plik_file":        file,
		"end_plik_request": uploadv1.EndPlikRequest{UploadID: upload.ID, FileID: file.ID, Fence: fence},
		"list_plik_request": uploadv1.ListPlikRequest{
			Caller: caller, AccountID: "acc_1", TokenID: "tok_1", BySize: true, Page: paging.Request{Limit: 50, Ascending: true, After: "WzExLCJhIl0="},
		},
		"list_plik_response":    uploadv1.ListPlikResponse{Uploads: []uploadv1.PlikUpload{upload}, Place: paging.Place{After: "WzExLCJhIl0=", Before: "WzExLCJhIl0=", Total: 7}},
		"remove_pliks_request":  uploadv1.RemovePliksRequest{AccountID: "acc_1", TokenID: "tok_1"},
		"remove_pliks_response": uploadv1.RemovePliksResponse{Removed: 500, More: true},
		"plik_stats_request":    uploadv1.PlikStatsRequest{Caller: caller, AccountID: "acc_1", TokenID: "tok_1"},
		"plik_stats":            uploadv1.PlikStats{Uploads: 3, Files: 5, TotalSize: 100, AnonymousUploads: 1, AnonymousTotalSize: 10},
	}
}

var plikToken = strings.Repeat("t", 32)

// TestPlik_MessagesFitIntoOne: what a client can make longest has to fit, or is
// cut (the lists are, by the service).
func TestPlik_MessagesFitIntoOne(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	ctrl := func(n int) string { return strings.Repeat("\x01", n) } // six bytes each in JSON
	all := plikMessages(time.Now())
	upload := all["plik_upload"].(uploadv1.PlikUpload)
	upload.Comments = ctrl(uploadv1.MaxPlikComments)
	file := all["plik_file"].(uploadv1.PlikFile)
	file.Name, file.Type, file.Reference = ctrl(uploadv1.MaxPlikName), ctrl(uploadv1.MaxPlikType), ctrl(uploadv1.MaxPlikReference)
	leased := all["plik_leased"].(uploadv1.PlikLeased)
	leased.Upload, leased.File = upload, file
	create := all["create_plik_request"].(uploadv1.CreatePlikRequest)
	create.Comments, create.Credential = upload.Comments, strings.Repeat("x", 64<<10)
	page := all["list_plik_response"].(uploadv1.ListPlikResponse)
	page.Uploads = []uploadv1.PlikUpload{upload}
	plain := all["plik_upload"].(uploadv1.PlikUpload)
	plain.AccountID, plain.TokenID = strings.Repeat("a", 64), strings.Repeat("b", 64)
	full := uploadv1.ListPlikResponse{Uploads: slices.Repeat([]uploadv1.PlikUpload{plain}, paging.MaxLimit)}
	begin := uploadv1.BeginPlikRequest{Name: file.Name, FileID: ctrl(1024), Caller: uploadv1.PlikCaller{
		Principal: authv1.Principal{AccountID: objectv1.GuestAccount}, Authorization: ctrl(64 << 10),
	}}
	for what, m := range map[string]any{
		"leased": leased, "create": create, "one upload with long comments": page, "a page of uploads": full, "begin": begin,
		"a batch of usual names": uploadv1.AnnouncePlikRequest{Files: slices.Repeat([]uploadv1.PlikAnnounced{{Name: strings.Repeat("ä", uploadv1.MaxPlikName/2), Reference: "99", Type: "application/octet-stream"}}, uploadv1.MaxPlikBatch)},
	} {
		b, err := json.Marshal(m)
		if err != nil || len(b) > limit-64<<10 {
			t.Errorf("%s: %d bytes, %v", what, len(b), err)
		}
		t.Logf("%s: %d bytes", what, len(b))
	}
}

// withPlik joins both sets of messages.
func withPlik(m map[string]any, at time.Time) map[string]any {
	maps.Copy(m, plikMessages(at))
	return m
}
