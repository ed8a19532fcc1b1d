// Every index of every collection, as the services declare it: made by 'make gen', not by hand.
// The services make them at their start; mongosh runs this where their user may not, or before an upgrade.

db.getSiblingDB("sluice_auth").getCollection("access_keys").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("access_keys").createIndex({"v.accountId": 1, "v.createdAt": 1, "_id": 1}, {"name":"sluice_account","partialFilterExpression":{"v.accountId":{"$exists":true}}});

db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.username": 1}, {"name":"sluice_username","unique":true,"partialFilterExpression":{"v.username":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.emailKey": 1}, {"name":"sluice_email","unique":true,"partialFilterExpression":{"v.emailKey":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.deletedAt": 1, "_id": 1}, {"name":"sluice_ended","partialFilterExpression":{"v.deletedAt":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.provider": 1, "v.login": 1}, {"name":"sluice_identity","unique":true,"partialFilterExpression":{"v.provider":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.createdAt": 1, "_id": 1}, {"name":"sluice_created","partialFilterExpression":{"v.createdAt":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.apiKey": 1}, {"name":"sluice_api_key","unique":true,"partialFilterExpression":{"v.apiKey":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.admin": 1, "_id": 1}, {"name":"sluice_admin","partialFilterExpression":{"v.admin":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.keyPair": 1}, {"name":"sluice_key_pair","unique":true,"partialFilterExpression":{"v.keyPair":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("accounts").createIndex({"v.number": 1}, {"name":"sluice_number","unique":true,"partialFilterExpression":{"v.number":{"$exists":true}}});

db.getSiblingDB("sluice_auth").getCollection("sequences").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_auth").getCollection("tokens").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("tokens").createIndex({"v.accountId": 1, "v.createdAt": 1, "_id": 1}, {"name":"sluice_account","partialFilterExpression":{"v.accountId":{"$exists":true}}});
db.getSiblingDB("sluice_auth").getCollection("tokens").createIndex({"v.purgeAt": 1, "_id": 1}, {"name":"sluice_purge","partialFilterExpression":{"v.purgeAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("bindings").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("bindings").createIndex({"v.sweepAt": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.sweepAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("buckets").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("buckets").createIndex({"v.account": 1, "v.name": 1}, {"name":"sluice_name","unique":true,"partialFilterExpression":{"v.account":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("buckets").createIndex({"v.sweepAt": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.sweepAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("contents").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("contents").createIndex({"v.staged": 1, "_id": 1}, {"name":"sluice_staged","partialFilterExpression":{"v.staged":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("contents").createIndex({"v.sweepAt": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.sweepAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("cursors").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("graves").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("graves").createIndex({"v.lookAt": 1, "_id": 1}, {"name":"sluice_look","partialFilterExpression":{"v.lookAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("heads").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("heads").createIndex({"v.listBucket": 1, "v.key": 1, "_id": 1}, {"name":"sluice_list","partialFilterExpression":{"v.listBucket":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("heads").createIndex({"v.sweepAt": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.sweepAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("moves").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"v.account": 1, "v.parent": 1, "v.name": 1}, {"name":"sluice_name","unique":true,"partialFilterExpression":{"v.account":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"v.account": 1, "v.parent": 1, "v.sort": 1, "_id": 1}, {"name":"sluice_sort","partialFilterExpression":{"v.account":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"v.files": 1, "v.order": 1, "_id": 1}, {"name":"sluice_files","partialFilterExpression":{"v.files":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"v.sweepAt": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.sweepAt":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"v.account": 1, "v.parent": 1, "v.folder": 1, "v.sort": 1, "_id": 1}, {"name":"sluice_kind","partialFilterExpression":{"v.account":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"v.number": 1, "v.folder": 1}, {"name":"sluice_number","unique":true,"partialFilterExpression":{"v.number":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"v.short": 1}, {"name":"sluice_short","unique":true,"partialFilterExpression":{"v.short":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("nodes").createIndex({"v.recountAt": 1, "_id": 1}, {"name":"sluice_recount","partialFilterExpression":{"v.recountAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("roots").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("sequences").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("shards").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("shards").createIndex({"v.lookAt": 1, "_id": 1}, {"name":"sluice_look","partialFilterExpression":{"v.lookAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("usage").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("usage").createIndex({"v.open": 1, "_id": 1}, {"name":"sluice_open","partialFilterExpression":{"v.open":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("usage").createIndex({"v.closing.at": 1, "_id": 1}, {"name":"sluice_closing","partialFilterExpression":{"v.closing.at":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("versions").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("versions").createIndex({"v.live": 1, "v.key": 1, "v.order": 1, "_id": 1}, {"name":"sluice_live","partialFilterExpression":{"v.live":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("versions").createIndex({"v.legalHold": 1, "v.live": 1, "_id": 1}, {"name":"sluice_held","partialFilterExpression":{"v.legalHold":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("versions").createIndex({"v.retention.mode": 1, "v.live": 1, "v.retention.until": 1, "_id": 1}, {"name":"sluice_retained","partialFilterExpression":{"v.retention.mode":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("versions").createIndex({"v.sweepAt": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.sweepAt":{"$exists":true}}});

db.getSiblingDB("sluice_object").getCollection("words").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_object").getCollection("words").createIndex({"v.node": 1, "_id": 1}, {"name":"sluice_node","partialFilterExpression":{"v.node":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("fetch_counters").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("fetch_slots").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("fetches").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("fetches").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("fetches").createIndex({"v.account": 1, "v.number": 1, "_id": 1}, {"name":"sluice_account","partialFilterExpression":{"v.account":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("fetches").createIndex({"v.open_in": 1, "v.number": 1, "_id": 1}, {"name":"sluice_open","partialFilterExpression":{"v.open_in":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("ingests").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("ingests").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("multiparts").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("multiparts").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("multiparts").createIndex({"v.open_in": 1, "v.key": 1, "v.id": 1, "_id": 1}, {"name":"sluice_open","partialFilterExpression":{"v.open_in":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("parts").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("plans").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("plik_files").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("plik_files").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("plik_files").createIndex({"v.upload": 1, "v.index": 1, "_id": 1}, {"name":"sluice_order","partialFilterExpression":{"v.upload":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("plik_files").createIndex({"v.leased": 1, "_id": 1}, {"name":"sluice_open","partialFilterExpression":{"v.leased":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.listed_at": 1, "_id": 1}, {"name":"sluice_listed","partialFilterExpression":{"v.listed_at":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.listed_in": 1, "v.created_at": 1, "_id": 1}, {"name":"sluice_listed_in","partialFilterExpression":{"v.listed_in":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.listed_by": 1, "v.created_at": 1, "_id": 1}, {"name":"sluice_listed_by","partialFilterExpression":{"v.listed_by":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.listed_by": 1, "v.account": 1, "v.created_at": 1, "_id": 1}, {"name":"sluice_listed_in_by","partialFilterExpression":{"v.listed_by":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.sized": 1, "_id": 1}, {"name":"sluice_sized","partialFilterExpression":{"v.sized":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.sized_in": 1, "v.size": 1, "_id": 1}, {"name":"sluice_sized_in","partialFilterExpression":{"v.sized_in":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.sized_by": 1, "v.size": 1, "_id": 1}, {"name":"sluice_sized_by","partialFilterExpression":{"v.sized_by":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("pliks").createIndex({"v.sized_by": 1, "v.account": 1, "v.size": 1, "_id": 1}, {"name":"sluice_sized_in_by","partialFilterExpression":{"v.sized_by":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("session_pages").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_upload").getCollection("sessions").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("sessions").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});
db.getSiblingDB("sluice_upload").getCollection("sessions").createIndex({"v.open_in": 1, "_id": 1}, {"name":"sluice_open","partialFilterExpression":{"v.open_in":{"$exists":true}}});

db.getSiblingDB("sluice_linkchecker").getCollection("containers").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("containers").createIndex({"v.numeric": 1}, {"name":"sluice_numeric","unique":true,"partialFilterExpression":{"v.numeric":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("containers").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("containers").createIndex({"v.owner": 1, "v.created_at": 1, "_id": 1}, {"name":"sluice_owner","partialFilterExpression":{"v.owner":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("containers").createIndex({"v.owner": 1, "v.status": 1, "v.created_at": 1, "_id": 1}, {"name":"sluice_owner_status","partialFilterExpression":{"v.owner":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("containers").createIndex({"v.owner": 1, "v.options.group": 1, "v.created_at": 1, "_id": 1}, {"name":"sluice_owner_group","partialFilterExpression":{"v.owner":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("containers").createIndex({"v.owner": 1, "v.options.group": 1, "v.status": 1, "v.created_at": 1, "_id": 1}, {"name":"sluice_owner_both","partialFilterExpression":{"v.owner":{"$exists":true}}});

db.getSiblingDB("sluice_linkchecker").getCollection("counters").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_linkchecker").getCollection("hosts").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("hosts").createIndex({"v.used_at": 1, "_id": 1}, {"name":"sluice_used","partialFilterExpression":{"v.used_at":{"$exists":true}}});

db.getSiblingDB("sluice_linkchecker").getCollection("links").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("links").createIndex({"v.url_id": 1, "_id": 1}, {"name":"sluice_url","partialFilterExpression":{"v.url_id":{"$exists":true}}});

db.getSiblingDB("sluice_linkchecker").getCollection("urls").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("urls").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("urls").createIndex({"v.fan_at": 1, "_id": 1}, {"name":"sluice_fan","partialFilterExpression":{"v.fan_at":{"$exists":true}}});

db.getSiblingDB("sluice_linkchecker").getCollection("usage").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_linkchecker").getCollection("usage").createIndex({"v.due_at": 1, "_id": 1}, {"name":"sluice_due","partialFilterExpression":{"v.due_at":{"$exists":true}}});

db.getSiblingDB("sluice_stats").getCollection("days").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_stats").getCollection("days").createIndex({"v.subject": 1, "v.day": 1, "_id": 1}, {"name":"sluice_subject","partialFilterExpression":{"v.subject":{"$exists":true}}});
db.getSiblingDB("sluice_stats").getCollection("days").createIndex({"v.foldAt": 1, "_id": 1}, {"name":"sluice_fold","partialFilterExpression":{"v.foldAt":{"$exists":true}}});

db.getSiblingDB("sluice_stats").getCollection("dropped").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_stats").getCollection("dropped").createIndex({"v.forgetAt": 1, "_id": 1}, {"name":"sluice_forget","partialFilterExpression":{"v.forgetAt":{"$exists":true}}});

db.getSiblingDB("sluice_stats").getCollection("months").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_stats").getCollection("months").createIndex({"v.subject": 1, "_id": 1}, {"name":"sluice_subject","partialFilterExpression":{"v.subject":{"$exists":true}}});
db.getSiblingDB("sluice_stats").getCollection("months").createIndex({"v.compactAt": 1, "_id": 1}, {"name":"sluice_compact","partialFilterExpression":{"v.compactAt":{"$exists":true}}});

db.getSiblingDB("sluice_stats").getCollection("slots").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_webhook").getCollection("deliveries").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
db.getSiblingDB("sluice_webhook").getCollection("deliveries").createIndex({"v.wake": 1, "_id": 1}, {"name":"sluice_wake","partialFilterExpression":{"v.wake":{"$exists":true}}});
db.getSiblingDB("sluice_webhook").getCollection("deliveries").createIndex({"v.lane": 1, "v.wake": 1, "_id": 1}, {"name":"sluice_lane","partialFilterExpression":{"v.lane":{"$exists":true}}});
db.getSiblingDB("sluice_webhook").getCollection("deliveries").createIndex({"v.created": 1, "_id": 1}, {"name":"sluice_created","partialFilterExpression":{"v.created":{"$exists":true}}});
db.getSiblingDB("sluice_webhook").getCollection("deliveries").createIndex({"v.endpoint": 1, "v.created": 1, "_id": 1}, {"name":"sluice_endpoint","partialFilterExpression":{"v.endpoint":{"$exists":true}}});
db.getSiblingDB("sluice_webhook").getCollection("deliveries").createIndex({"v.state": 1, "v.created": 1, "_id": 1}, {"name":"sluice_state","partialFilterExpression":{"v.state":{"$exists":true}}});

db.getSiblingDB("sluice_webhook").getCollection("endpoints").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});

db.getSiblingDB("sluice_webhook").getCollection("subscriptions").createIndex({"p": 1}, {"name":"outbox","partialFilterExpression":{"p":{"$exists":true}}});
