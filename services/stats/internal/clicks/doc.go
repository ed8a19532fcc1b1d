// Package clicks counts clicks exactly, although they come at least once and in
// any order.
//
// A visitor's hash changes with the day (UTC), so all that decides about a click
// stands in one document: the slot of its subject, day and visitor. It holds who
// clicked when; of a visitor's clicks the first one counts, and each that lies
// statsv1.ClickWindow or more behind the last one that counted, by their times. A
// click that comes again finds itself there. So effect and mark are one write, and
// nothing has to be remembered of events.
//
// What slots come to is set, not added, in the document of the day, and what days
// come to in that of the month, each once:
//
//	slot (subject, day, shard) ─► day (subject) ─fold─► month (subject) ─old─► its total only
package clicks
