package access

import (
	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// The calls that each service makes of others. A test (test/access) reads the
// services' code and holds these lists to it, both ways.

// uploadCalls are those of upload.
func uploadCalls() []string {
	return []string{
		authv1.GetAccount.Subject,
		objectv1.AbortPut.Subject, objectv1.Authorize.Subject, objectv1.BeginPut.Subject, objectv1.CommitPut.Subject,
		objectv1.DeleteObject.Subject, objectv1.GetUsage.Subject, objectv1.RenewPut.Subject, objectv1.ReserveAhead.Subject,
		objectv1.StageContent.Subject, objectv1.StatObject.Subject, objectv1.UnstageContents.Subject,
	}
}

// webhookCalls are those of webhook.
func webhookCalls() []string {
	return []string{
		authv1.GetAccount.Subject,
		objectv1.ResolveNotification.Subject,
	}
}

// edgeCalls are those of the edge: what its dialects offer to people.
func edgeCalls() []string {
	return []string{
		authv1.Authenticate.Subject, authv1.ChangePassword.Subject, authv1.CreateAccessKey.Subject, authv1.CreateAccount.Subject,
		authv1.CreateToken.Subject, authv1.CreateUser.Subject, authv1.DeleteAccount.Subject, authv1.DeleteUser.Subject,
		authv1.Enter.Subject, authv1.GetAccount.Subject, authv1.KeyStateOf.Subject, authv1.ListAccessKeys.Subject,
		authv1.ListTokens.Subject, authv1.ListUsers.Subject, authv1.Login.Subject, authv1.MintAccessToken.Subject,
		authv1.PageTokens.Subject, authv1.RevokeAccessKey.Subject, authv1.RevokeToken.Subject, authv1.RotateToken.Subject,
		authv1.SetAccount.Subject, authv1.UpdateUser.Subject,
		linksv1.AddLinks.Subject, linksv1.CreateContainer.Subject, linksv1.DeleteContainer.Subject, linksv1.GetContainer.Subject,
		linksv1.ListContainers.Subject, linksv1.ListLinks.Subject, linksv1.Recheck.Subject, linksv1.Unlock.Subject,
		linksv1.UpdateContainer.Subject,
		objectv1.AbortPut.Subject, objectv1.Authorize.Subject, objectv1.BeginPut.Subject, objectv1.ChangeNode.Subject,
		objectv1.CloseAccount.Subject, objectv1.CommitPut.Subject, objectv1.CopyFile.Subject, objectv1.CopyObject.Subject,
		objectv1.CountDownloads.Subject, objectv1.CreateBucket.Subject, objectv1.DeleteBucket.Subject, objectv1.DeleteObject.Subject,
		objectv1.DeleteObjects.Subject, objectv1.FindNode.Subject, objectv1.GetBucket.Subject, objectv1.GetLegalHold.Subject,
		objectv1.GetNotifications.Subject, objectv1.GetPolicy.Subject, objectv1.GetRetention.Subject, objectv1.GetTags.Subject,
		objectv1.GetUsage.Subject, objectv1.KeepIdempotency.Subject, objectv1.ListBuckets.Subject, objectv1.ListChildren.Subject,
		objectv1.ListFiles.Subject, objectv1.ListFolder.Subject, objectv1.ListObjects.Subject, objectv1.ListTrash.Subject,
		objectv1.ListVersions.Subject, objectv1.MakeFolder.Subject, objectv1.MakeSubfolder.Subject, objectv1.MoveNode.Subject,
		objectv1.PurgeNode.Subject, objectv1.RegisterFile.Subject, objectv1.RemoveNode.Subject, objectv1.RestoreNode.Subject,
		objectv1.SearchNodes.Subject, objectv1.SetLegalHold.Subject, objectv1.SetNotifications.Subject, objectv1.SetPolicy.Subject,
		objectv1.SetRetention.Subject, objectv1.SetTags.Subject, objectv1.SetVersioning.Subject, objectv1.StatFile.Subject,
		objectv1.StatNode.Subject, objectv1.StatObject.Subject, objectv1.TrashNode.Subject, objectv1.UpdateFile.Subject,
		statsv1.GetClicks.Subject,
		uploadv1.AbortMultipart.Subject, uploadv1.AcquireSession.Subject, uploadv1.AddFetch.Subject, uploadv1.AnnouncePlik.Subject,
		uploadv1.AppendSession.Subject, uploadv1.Begin.Subject, uploadv1.BeginPart.Subject, uploadv1.BeginPlik.Subject,
		uploadv1.CancelFetch.Subject, uploadv1.CancelSession.Subject, uploadv1.ClaimPlik.Subject, uploadv1.CommitPart.Subject,
		uploadv1.CompleteMultipart.Subject, uploadv1.CreateMultipart.Subject, uploadv1.CreatePlik.Subject,
		uploadv1.CreateSession.Subject, uploadv1.End.Subject, uploadv1.EndFetch.Subject, uploadv1.EndPlik.Subject,
		uploadv1.FinishPlik.Subject, uploadv1.FinishSession.Subject, uploadv1.GetFetch.Subject, uploadv1.GetPlik.Subject,
		uploadv1.GetPlikFile.Subject, uploadv1.GetPlikStats.Subject, uploadv1.GetSession.Subject, uploadv1.KeepFetch.Subject,
		uploadv1.KeepPlik.Subject, uploadv1.LeaseFetch.Subject, uploadv1.ListFetches.Subject, uploadv1.ListMultiparts.Subject,
		uploadv1.ListParts.Subject, uploadv1.ListPlik.Subject, uploadv1.ListPlikFiles.Subject, uploadv1.ReleaseSession.Subject,
		uploadv1.RemoveFetches.Subject, uploadv1.RemovePlik.Subject, uploadv1.RemovePlikFile.Subject, uploadv1.RemovePliks.Subject, uploadv1.Renew.Subject,
		webhookv1.CreateSubscription.Subject, webhookv1.DeleteSubscription.Subject, webhookv1.GetSubscription.Subject,
		webhookv1.ListSubscriptions.Subject, webhookv1.ReplaySubscription.Subject, webhookv1.SubscriptionDeliveries.Subject,
		webhookv1.UpdateSubscription.Subject,
	}
}
