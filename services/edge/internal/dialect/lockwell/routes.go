package lockwell

import (
	"slices"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	api      = "/api/v1"
	inBucket = api + "/buckets/{bucket}"
	ofUpload = inBucket + "/multipart/{uploadId}"
	uploads  = inBucket + "/multipart/{key...}" // the family of what happens to one upload
)

// Routes implements dialect.Dialect, in the order of lockwell.md.
func (h *Handler) Routes() []dialect.Route {
	return slices.Concat(h.accessRoutes(), h.bucketRoutes(), h.objectRoutes(), h.versionRoutes(), h.multipartRoutes(), h.signedRoutes(), h.serviceRoutes())
}

func (h *Handler) accessRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("MintToken", "POST "+api+"/auth/token", h.MintToken, dialect.AuthNone, dialect.JSONBody, "exchange an access key (Basic or JSON) for a bearer token"),

		dialect.R("ListAccessKeys", "GET "+api+"/account/access-keys", h.ListAccessKeys, dialect.AuthAccount, dialect.NoBody, "the account's access keys, without secrets"),
		dialect.R("CreateAccessKey", "POST "+api+"/account/access-keys", h.CreateAccessKey, dialect.AuthAccount, dialect.JSONBody, "make an access key; the only answer that shows its secret"),
		dialect.R("RevokeAccessKey", "DELETE "+api+"/account/access-keys/{id}", h.RevokeAccessKey, dialect.AuthAccount, dialect.NoBody, "end an access key and the tokens minted from it"),

		dialect.R("GetBucketPolicy", "GET "+inBucket+"/policy", h.GetBucketPolicy, dialect.AuthAccount, dialect.NoBody, "the bucket's policy"),
		dialect.R("SetBucketPolicy", "PUT "+inBucket+"/policy", h.SetBucketPolicy, dialect.AuthAccount, dialect.JSONBody, "replace the bucket's policy"),
		dialect.R("DeleteBucketPolicy", "DELETE "+inBucket+"/policy", h.DeleteBucketPolicy, dialect.AuthAccount, dialect.NoBody, "remove the bucket's policy"),
	}
}

func (h *Handler) bucketRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("ListBuckets", "GET "+api+"/buckets", h.ListBuckets, dialect.AuthKey, dialect.NoBody, "the account's buckets by name"),
		dialect.R("CreateBucket", "POST "+api+"/buckets", h.CreateBucket, dialect.AuthKey, dialect.JSONBody, "make a bucket"),
		dialect.R("GetBucket", "GET "+inBucket, h.GetBucket, dialect.AuthKey, dialect.NoBody, "one bucket with its counts"),
		dialect.R("DeleteBucket", "DELETE "+inBucket, h.DeleteBucket, dialect.AuthKey, dialect.NoBody, "remove an empty bucket"),
		dialect.R("GetBucketVersioning", "GET "+inBucket+"/versioning", h.GetBucketVersioning, dialect.AuthKey, dialect.NoBody, "the bucket's versioning state"),
		dialect.R("SetBucketVersioning", "PUT "+inBucket+"/versioning", h.SetBucketVersioning, dialect.AuthKey, dialect.JSONBody, "turn versioning on, or suspend it"),
	}
}

func (h *Handler) objectRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("PutObject", "PUT "+inBucket+"/objects/{key...}", h.PutObject, dialect.AuthKey, dialect.Stream, "store an object from a stream; conditional, checked by digests"),
		dialect.R("GetObject", "GET "+inBucket+"/objects/{key...}", h.GetObject, dialect.AuthKey, dialect.NoBody, "an object's bytes, whole or by ranges; HEAD without them"),
		dialect.R("DeleteObject", "DELETE "+inBucket+"/objects/{key...}", h.DeleteObject, dialect.AuthKey, dialect.NoBody, "remove an object, put a delete marker, or remove one version"),
		dialect.R("ListObjects", "GET "+inBucket+"/objects", h.ListObjects, dialect.AuthKey, dialect.NoBody, "a page of the bucket's objects, by prefix and delimiter"),
		dialect.R("BatchDeleteObjects", "POST "+inBucket+"/objects:batchDelete", h.BatchDeleteObjects, dialect.AuthKey, dialect.JSONBody, "delete up to 1000 objects or versions, with a result for each"),
		dialect.R("CopyObject", "POST "+inBucket+"/object-copy/{key...}", h.CopyObject, dialect.AuthKey, dialect.JSONBody, "make an object from another one, without moving bytes"),
	}
}

func (h *Handler) versionRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("ListObjectVersions", "GET "+inBucket+"/versions", h.ListObjectVersions, dialect.AuthKey, dialect.NoBody, "a page of versions and delete markers"),
		dialect.R("GetObjectTags", "GET "+inBucket+"/object-tags/{key...}", h.GetObjectTags, dialect.AuthKey, dialect.NoBody, "the tags of a version"),
		dialect.R("SetObjectTags", "PUT "+inBucket+"/object-tags/{key...}", h.SetObjectTags, dialect.AuthKey, dialect.JSONBody, "replace the tags of a version"),
		dialect.R("DeleteObjectTags", "DELETE "+inBucket+"/object-tags/{key...}", h.DeleteObjectTags, dialect.AuthKey, dialect.NoBody, "remove the tags of a version"),
		dialect.R("GetObjectRetention", "GET "+inBucket+"/object-retention/{key...}", h.GetObjectRetention, dialect.AuthKey, dialect.NoBody, "until when a version is protected"),
		dialect.R("SetObjectRetention", "PUT "+inBucket+"/object-retention/{key...}", h.SetObjectRetention, dialect.AuthKey, dialect.JSONBody, "protect a version, or for longer"),
		dialect.R("GetObjectLegalHold", "GET "+inBucket+"/object-legal-hold/{key...}", h.GetObjectLegalHold, dialect.AuthKey, dialect.NoBody, "whether a legal hold protects a version"),
		dialect.R("SetObjectLegalHold", "PUT "+inBucket+"/object-legal-hold/{key...}", h.SetObjectLegalHold, dialect.AuthKey, dialect.JSONBody, "put or lift a legal hold"),
	}
}

// multipartRoutes are a family, but for the listing: a first segment that is no
// upload id belongs to the key of a new upload, and so do slashes that are
// written as %2F.
func (h *Handler) multipartRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("CompleteMultipartUpload", "POST "+ofUpload+"/complete/{key...}", h.CompleteMultipartUpload, dialect.AuthKey, dialect.JSONBody, "make the parts one object, without moving bytes").In(uploads).Where("uploadId", uploadID),
		dialect.R("CreateMultipartUpload", "POST "+uploads, h.CreateMultipartUpload, dialect.AuthKey, dialect.JSONBody, "open a multipart upload").In(uploads),
		dialect.R("UploadPart", "PUT "+ofUpload+"/parts/{partNumber}/{key...}", h.UploadPart, dialect.AuthKey, dialect.Stream, "store one part, in place of an earlier one of its number").In(uploads),
		dialect.R("ListParts", "GET "+ofUpload+"/parts/{key...}", h.ListParts, dialect.AuthKey, dialect.NoBody, "a page of an upload's parts").In(uploads),
		dialect.R("AbortMultipartUpload", "DELETE "+ofUpload+"/{key...}", h.AbortMultipartUpload, dialect.AuthKey, dialect.NoBody, "give an upload up and its space back").In(uploads),
		dialect.R("ListMultipartUploads", "GET "+inBucket+"/multipart", h.ListMultipartUploads, dialect.AuthKey, dialect.NoBody, "a page of the bucket's open uploads"),
	}
}

func (h *Handler) signedRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("SignURL", "POST "+api+"/sign-url", h.SignURL, dialect.AuthKey, dialect.JSONBody, "mint a URL that gives or takes one object without a bearer token"),
		dialect.R("GetSigned", "GET "+api+"/signed/{bucket}/{key...}", h.GetSigned, dialect.AuthSigned, dialect.NoBody, "an object's bytes by a signed URL; HEAD without them"),
		dialect.R("PutSigned", "PUT "+api+"/signed/{bucket}/{key...}", h.PutSigned, dialect.AuthSigned, dialect.Stream, "store an object by a signed URL"),
	}
}

func (h *Handler) serviceRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("GetBucketNotifications", "GET "+inBucket+"/notifications", h.GetBucketNotifications, dialect.AuthKey, dialect.NoBody, "the bucket's webhooks, without secrets"),
		dialect.R("SetBucketNotifications", "PUT "+inBucket+"/notifications", h.SetBucketNotifications, dialect.AuthKey, dialect.JSONBody, "replace the bucket's webhooks"),
		dialect.R("ClearBucketNotifications", "DELETE "+inBucket+"/notifications", h.ClearBucketNotifications, dialect.AuthKey, dialect.NoBody, "remove the bucket's webhooks"),

		dialect.R("Healthz", "GET "+api+"/healthz", h.Healthz, dialect.AuthNone, dialect.NoBody, "liveness"),
		dialect.R("GetOpenAPI", "GET "+api+"/openapi.json", h.GetOpenAPI, dialect.AuthNone, dialect.NoBody, "this API's OpenAPI 3.1 document, byte for byte"),
		dialect.R("GetDocs", "GET "+api+"/docs", h.GetDocs, dialect.AuthNone, dialect.NoBody, "a page to browse the document, without outside requests"),
		dialect.R("GetDocsAsset", "GET "+api+"/docs/{asset}", h.GetDocsAsset, dialect.AuthNone, dialect.NoBody, "a file of that page"),
	}
}

// Owns implements dialect.Dialect: all of /api/v1 that no other dialect claims.
func (h *Handler) Owns() []string { return []string{api} }
