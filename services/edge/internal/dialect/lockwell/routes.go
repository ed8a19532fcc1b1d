package lockwell

import "github.com/sluicehq/sluice/services/edge/internal/dialect"

// Routes implements dialect.Dialect, in the order of lockwell.md.
func (h *Handler) Routes() []dialect.Route {
	return []dialect.Route{
		dialect.R("MintToken", "POST /api/v1/auth/token", h.MintToken, dialect.AuthNone, dialect.JSONBody, "exchange an access key (Basic or JSON) for a bearer token"),

		dialect.R("ListAccessKeys", "GET /api/v1/account/access-keys", h.ListAccessKeys, dialect.AuthAccount, dialect.NoBody, "the account's access keys, without secrets"),
		dialect.R("CreateAccessKey", "POST /api/v1/account/access-keys", h.CreateAccessKey, dialect.AuthAccount, dialect.JSONBody, "make an access key; the only answer that shows its secret"),
		dialect.R("RevokeAccessKey", "DELETE /api/v1/account/access-keys/{id}", h.RevokeAccessKey, dialect.AuthAccount, dialect.NoBody, "end an access key and the tokens minted from it"),

		dialect.R("ListBuckets", "GET /api/v1/buckets", h.ListBuckets, dialect.AuthKey, dialect.NoBody, "the account's buckets by name"),
		dialect.R("CreateBucket", "POST /api/v1/buckets", h.CreateBucket, dialect.AuthKey, dialect.JSONBody, "make a bucket"),
		dialect.R("GetBucket", "GET /api/v1/buckets/{bucket}", h.GetBucket, dialect.AuthKey, dialect.NoBody, "one bucket with its counts"),
		dialect.R("DeleteBucket", "DELETE /api/v1/buckets/{bucket}", h.DeleteBucket, dialect.AuthKey, dialect.NoBody, "remove an empty bucket"),

		dialect.R("PutObject", "PUT /api/v1/buckets/{bucket}/objects/{key...}", h.PutObject, dialect.AuthKey, dialect.Stream, "store an object from a stream; conditional, checked by digests"),
		dialect.R("GetObject", "GET /api/v1/buckets/{bucket}/objects/{key...}", h.GetObject, dialect.AuthKey, dialect.NoBody, "an object's bytes, whole or by ranges; HEAD without them"),
		dialect.R("DeleteObject", "DELETE /api/v1/buckets/{bucket}/objects/{key...}", h.DeleteObject, dialect.AuthKey, dialect.NoBody, "remove an object, put a delete marker, or remove one version"),
		dialect.R("ListObjects", "GET /api/v1/buckets/{bucket}/objects", h.ListObjects, dialect.AuthKey, dialect.NoBody, "a page of the bucket's objects, by prefix and delimiter"),

		dialect.R("GetNotifications", "GET /api/v1/buckets/{bucket}/notifications", h.GetNotifications, dialect.AuthKey, dialect.NoBody, "the bucket's webhooks, without secrets"),
		dialect.R("SetNotifications", "PUT /api/v1/buckets/{bucket}/notifications", h.SetNotifications, dialect.AuthKey, dialect.JSONBody, "replace the bucket's webhooks"),
		dialect.R("ClearNotifications", "DELETE /api/v1/buckets/{bucket}/notifications", h.ClearNotifications, dialect.AuthKey, dialect.NoBody, "remove the bucket's webhooks"),

		dialect.R("Healthz", "GET /api/v1/healthz", h.Healthz, dialect.AuthNone, dialect.NoBody, "liveness"),
		dialect.R("OpenAPI", "GET /api/v1/openapi.json", h.OpenAPI, dialect.AuthNone, dialect.NoBody, "this API's OpenAPI 3.1 document, byte for byte"),
	}
}

// Owns implements dialect.Dialect: all of /api/v1 that no other dialect claims.
func (h *Handler) Owns() []string { return []string{"/api/v1"} }
