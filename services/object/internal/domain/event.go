package domain

import objectv1 "github.com/sluicehq/sluice/contracts/object/v1"

// createdEvent tells that v became current; a marker tells that the object vanished.
func createdEvent(b Bucket, h Head, v Version, d draft) Event {
	if v.Marker {
		return removedEvent(b, h, v, d.actor, objectv1.OperationMarker)
	}
	e := objectEvent(b, h, v, d.actor)
	if d.file != nil {
		e.Key = d.file.at
	}
	e.Operation, e.Time = d.operation, v.CreatedAt
	e.Size, e.ETag, e.ContentType = v.Size, v.ETag, v.Metadata.ContentType
	e.Configs = b.matching(objectv1.EventObjectCreated, h.Key)
	return Event{Seq: h.Seq, Data: e}
}

// removedEvent tells that the object or the version v is gone.
func removedEvent(b Bucket, h Head, v Version, who Actor, operation string) Event {
	e := objectEvent(b, h, v, who)
	e.Operation, e.DeleteMarker = operation, v.Marker
	e.Configs = b.matching(objectv1.EventObjectRemoved, h.Key)
	return Event{Removed: true, Seq: h.Seq, Data: e}
}

func objectEvent(b Bucket, h Head, v Version, who Actor) objectv1.ObjectEvent {
	return objectv1.ObjectEvent{
		AccountID: b.Account, Username: who.Username, KeyID: who.KeyID, BucketID: b.ID, Bucket: b.Name, Region: b.Region,
		Key: h.Key, VersionID: v.ID, Sequencer: h.Seq, Origin: who.Origin,
	}
}
