package objectv1

import authv1 "github.com/sluicehq/sluice/contracts/auth/v1"

// Action is one thing that a caller does to a bucket or an object; scopes and
// policies decide about actions.
type Action string

// The actions, named after the operations of lockwell, with the scope that each
// one takes (lockwell.md, Tokens).
const (
	ActionGetObject          Action = "getObject"          // read: bytes, metadata, tags, retention, legal hold; also as a copy's source
	ActionListObjects        Action = "listObjects"        // read: objects, versions, multipart uploads
	ActionGetBucket          Action = "getBucket"          // read or admin: the bucket, its versioning
	ActionPutObject          Action = "putObject"          // write: PUT, a copy's destination, multipart
	ActionPutObjectTags      Action = "putObjectTags"      // write
	ActionDeleteObject       Action = "deleteObject"       // delete: the current version, or a marker
	ActionDeleteVersion      Action = "deleteVersion"      // delete: one version for good
	ActionPutObjectRetention Action = "putObjectRetention" // admin
	ActionPutObjectLegalHold Action = "putObjectLegalHold" // admin
	ActionCreateBucket       Action = "createBucket"       // admin
	ActionDeleteBucket       Action = "deleteBucket"       // admin
	ActionPutVersioning      Action = "putVersioning"      // admin
	ActionNotifications      Action = "notifications"      // admin: read and change
	ActionPolicy             Action = "policy"             // admin: read and change
	ActionAny                Action = "*"                  // in policies: all of them
)

// Effect of a statement.
type Effect string

// The effects. A Deny that matches always wins.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Limits of a policy.
const (
	MaxStatements   = 100
	MaxPolicyValues = 100 // of one list in a statement
)

// Statement is one rule of a policy. Empty Prefixes mean every key and the
// bucket itself; empty AccessKeyIDs mean every access key.
type Statement struct {
	Effect       Effect   `json:"effect" bson:"effect"`
	Actions      []Action `json:"actions" bson:"actions"` // actions, or scopes for all actions that they cover
	Prefixes     []string `json:"prefixes,omitempty" bson:"prefixes,omitempty"`
	AccessKeyIDs []string `json:"accessKeyIds,omitempty" bson:"accessKeyIds,omitempty"`
}

// Policy narrows what access keys may do with a bucket; it never widens their
// scopes. A Deny that matches refuses. Where there are Allow statements, one of
// them must match. The account itself is not subject to it.
type Policy struct {
	Statements []Statement `json:"statements"`
}

// SetPolicyRequest replaces a bucket's policy.
type SetPolicyRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
	Policy    Policy           `json:"policy"`
}

// AuthorizeRequest asks about an action on a bucket, or on a key of it.
type AuthorizeRequest struct {
	Principal authv1.Principal `json:"principal"`
	Bucket    string           `json:"bucket"`
	Key       string           `json:"key,omitempty"` // for listings: the prefix
	Action    Action           `json:"action"`
}

// AuthorizeResponse says where an allowed action would happen.
type AuthorizeResponse struct {
	BucketID   string `json:"bucketId"`
	Region     string `json:"region"`
	ObjectLock bool   `json:"objectLock,omitempty"`
}
