package objectv1

import (
	"errors"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// Register serves every method of impl on s. It is the mirror image of Client.
func Register(s *rpc.Server, impl Service) error {
	return errors.Join(
		rpc.Handle(s, CreateBucket, impl.CreateBucket),
		rpc.Handle(s, GetBucket, impl.GetBucket),
		rpc.Handle(s, ListBuckets, impl.ListBuckets),
		rpc.Handle(s, DeleteBucket, impl.DeleteBucket),
		rpc.Handle(s, GetNotifications, impl.GetNotifications),
		rpc.Handle(s, SetNotifications, impl.SetNotifications),
		rpc.Handle(s, ResolveNotification, impl.ResolveNotification),
		rpc.Handle(s, BeginPut, impl.BeginPut),
		rpc.Handle(s, RenewPut, impl.RenewPut),
		rpc.Handle(s, CommitPut, impl.CommitPut),
		rpc.Handle(s, AbortPut, impl.AbortPut),
		rpc.Handle(s, StatObject, impl.StatObject),
		rpc.Handle(s, DeleteObject, impl.DeleteObject),
		rpc.Handle(s, ListObjects, impl.ListObjects),
		rpc.Handle(s, SetVersioning, impl.SetVersioning),
		rpc.Handle(s, GetPolicy, impl.GetPolicy),
		rpc.Handle(s, SetPolicy, impl.SetPolicy),
		rpc.Handle(s, Authorize, impl.Authorize),
		rpc.Handle(s, KeepIdempotency, impl.KeepIdempotency),
		rpc.Handle(s, ReserveAhead, impl.ReserveAhead),
		rpc.Handle(s, StageContent, impl.StageContent),
		rpc.Handle(s, UnstageContents, impl.UnstageContents),
		rpc.Handle(s, CopyObject, impl.CopyObject),
		rpc.Handle(s, DeleteObjects, impl.DeleteObjects),
		rpc.Handle(s, GetTags, impl.GetTags),
		rpc.Handle(s, SetTags, impl.SetTags),
		rpc.Handle(s, GetRetention, impl.GetRetention),
		rpc.Handle(s, SetRetention, impl.SetRetention),
		rpc.Handle(s, GetLegalHold, impl.GetLegalHold),
		rpc.Handle(s, SetLegalHold, impl.SetLegalHold),
		rpc.Handle(s, ListVersions, impl.ListVersions),
		rpc.Handle(s, GetUsage, impl.GetUsage),
		rpc.Handle(s, ListContents, impl.ListContents),
		rpc.Handle(s, CollectGarbage, impl.CollectGarbage),
		rpc.Handle(s, StatNode, impl.StatNode),
		rpc.Handle(s, ListFolder, impl.ListFolder),
		rpc.Handle(s, MakeFolder, impl.MakeFolder),
		rpc.Handle(s, MoveNode, impl.MoveNode),
		rpc.Handle(s, RemoveNode, impl.RemoveNode),
		rpc.Handle(s, StatFile, impl.StatFile),
		rpc.Handle(s, ListFiles, impl.ListFiles),
		rpc.Handle(s, UpdateFile, impl.UpdateFile),
		rpc.Handle(s, RegisterFile, impl.RegisterFile),
		rpc.Handle(s, CountDownloads, impl.CountDownloads),
		rpc.Handle(s, CloseAccount, impl.CloseAccount),
	)
}
