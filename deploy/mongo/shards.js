// Shard keys, for installations whose documents outgrow one replica set: made by 'make gen'. README.md has the reasons.
// Run it by mongosh on a mongos before the services start, or on what is there, which MongoDB then spreads.

sh.shardCollection("sluice_auth.access_keys", {_id: "hashed"});
// sluice_auth.accounts stays on one shard: its unique index username does not begin with the id
sh.shardCollection("sluice_auth.sequences", {_id: "hashed"});
sh.shardCollection("sluice_auth.tokens", {_id: "hashed"});

sh.shardCollection("sluice_object.bindings", {_id: "hashed"});
// sluice_object.buckets stays on one shard: its unique index name does not begin with the id
sh.shardCollection("sluice_object.contents", {_id: "hashed"});
sh.shardCollection("sluice_object.cursors", {_id: "hashed"});
sh.shardCollection("sluice_object.graves", {_id: "hashed"});
sh.shardCollection("sluice_object.heads", {_id: "hashed"});
sh.shardCollection("sluice_object.moves", {_id: "hashed"});
// sluice_object.nodes stays on one shard: its unique index name does not begin with the id
sh.shardCollection("sluice_object.roots", {_id: "hashed"});
sh.shardCollection("sluice_object.sequences", {_id: "hashed"});
sh.shardCollection("sluice_object.shards", {_id: "hashed"});
sh.shardCollection("sluice_object.usage", {_id: "hashed"});
sh.shardCollection("sluice_object.versions", {_id: "hashed"});
sh.shardCollection("sluice_object.words", {_id: "hashed"});

sh.shardCollection("sluice_upload.fetch_counters", {_id: "hashed"});
sh.shardCollection("sluice_upload.fetch_slots", {_id: "hashed"});
sh.shardCollection("sluice_upload.fetches", {_id: "hashed"});
sh.shardCollection("sluice_upload.ingests", {_id: "hashed"});
sh.shardCollection("sluice_upload.multiparts", {_id: "hashed"});
sh.shardCollection("sluice_upload.parts", {_id: "hashed"});
sh.shardCollection("sluice_upload.plans", {_id: "hashed"});
sh.shardCollection("sluice_upload.plik_files", {_id: "hashed"});
sh.shardCollection("sluice_upload.pliks", {_id: "hashed"});
sh.shardCollection("sluice_upload.session_pages", {_id: "hashed"});
sh.shardCollection("sluice_upload.sessions", {_id: "hashed"});

// sluice_linkchecker.containers stays on one shard: its unique index numeric does not begin with the id
sh.shardCollection("sluice_linkchecker.counters", {_id: "hashed"});
sh.shardCollection("sluice_linkchecker.hosts", {_id: "hashed"});
sh.shardCollection("sluice_linkchecker.links", {_id: "hashed"});
sh.shardCollection("sluice_linkchecker.urls", {_id: "hashed"});
sh.shardCollection("sluice_linkchecker.usage", {_id: "hashed"});

sh.shardCollection("sluice_stats.days", {_id: "hashed"});
sh.shardCollection("sluice_stats.dropped", {_id: "hashed"});
sh.shardCollection("sluice_stats.months", {_id: "hashed"});
sh.shardCollection("sluice_stats.slots", {_id: "hashed"});

sh.shardCollection("sluice_webhook.deliveries", {_id: "hashed"});
sh.shardCollection("sluice_webhook.endpoints", {_id: "hashed"});
sh.shardCollection("sluice_webhook.subscriptions", {_id: "hashed"});
